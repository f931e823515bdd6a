export * from '@leat/testing/contracts';
