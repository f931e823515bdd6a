export * from '@leat/connectors/memory';
