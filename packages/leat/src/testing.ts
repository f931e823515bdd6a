export * from '@leat/testing';
