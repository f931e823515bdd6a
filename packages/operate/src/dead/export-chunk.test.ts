import type { DeadLetter } from '@leat/runtime';
import type { RunRequest } from '@leat/core';
import { describe, expect, test } from 'vitest';
import { failedChunkOf } from './export-chunk.ts';

const LETTER: DeadLetter = {
  pipeline: 'orders',
  run: 'monday',
  born: '0000000000001',
  stage: 'priced',
  chunk: '42',
  index: 7,
  position: 'line 4,207 of orders.csv',
  execution: 'e1',
  attempts: 3,
  error: { name: 'TypeError', message: 'no price' },
  record: '{"id": 12345678901234567890}',
  at: '2026-01-01T00:00:00.000Z',
};
const request: RunRequest = {
  run: 'monday',
  pipeline: 'orders',
  params: { file: 'orders.csv' },
  secrets: { token: 'ORDERS_TOKEN' },
  spec: { name: 'orders', stages: [] },
  createdAt: '2026-01-01T00:00:00.000Z',
};
const OF = { run: 'monday', pipeline: 'orders', chunk: '42', request };

describe('failedChunkOf', () => {
  test('has the records in order, the parameters, and only the names of secrets', () => {
    const chunk = failedChunkOf([LETTER, { ...LETTER, index: 2, isCut: true }], OF);
    expect(chunk).toMatchObject({
      params: { file: 'orders.csv' },
      secrets: ['token'],
      stage: 'priced',
      records: [{ index: 2, isCut: true }, { index: 7 }],
    });
    const { position, attempts, error, record, at } = LETTER;
    expect(chunk.records[1]).toEqual({ index: 7, position, attempts, error, record, at });
    expect(JSON.stringify(chunk)).not.toContain('ORDERS_TOKEN');
  });

  test('has no parameters of a run that is forgotten', () => {
    const chunk = failedChunkOf([LETTER], { ...OF, request: undefined });
    expect(chunk).toMatchObject({ run: 'monday', secrets: [] });
    expect(chunk).not.toHaveProperty('params');
  });

  test.each([
    ['no letters', [], 'The run monday has no dead letters of a chunk 42'],
    [
      'letters of several stages',
      [LETTER, { ...LETTER, stage: 'saved' }],
      'Several stages gave up records of the chunk 42 (priced, saved): name one with --stage.',
    ],
  ])('cannot be made of %s', (_, letters, message) => {
    expect(() => failedChunkOf(letters, OF)).toThrow(message);
  });
});
