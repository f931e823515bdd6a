export * from '@leat/connectors/postgres';
