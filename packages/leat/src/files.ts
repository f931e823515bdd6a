export * from '@leat/connectors/files';
