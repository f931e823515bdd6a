import { LeatError } from '@leat/core';
import { describe, expect, test } from 'vitest';
import { type FailedChunk, formatFailedChunk, parseFailedChunk } from './failed-chunk-file.ts';

const CHUNK: FailedChunk = {
  pipeline: 'orders',
  run: 'monday',
  params: { file: 'orders.csv' },
  secrets: ['token'],
  stage: 'priced',
  chunk: '42.0',
  records: [
    {
      index: 7,
      position: 'line 4,207 of orders.csv',
      attempts: 3,
      error: { name: 'TypeError', message: 'no price', stack: 'TypeError: no price\n  at map' },
      record: '{"id": 12345678901234567890, "name":"\\u00e9 \ud800", "n": 1.0 }',
      at: '2026-01-01T00:00:00.000Z',
    },
  ],
};

function refusalOf(text: string): LeatError {
  try {
    parseFailedChunk(text, 'chunk.json');
  } catch (error) {
    if (error instanceof LeatError) return error;
  }
  throw new Error('it was not refused');
}

describe('a file of a failed chunk', () => {
  test('is read as it was written, its records character for character', () => {
    const file = parseFailedChunk(formatFailedChunk(CHUNK), 'chunk.json');
    expect(file).toEqual({ kind: 'leat-failed-chunk', version: 1, ...CHUNK });
    expect(file.records[0]?.record).toBe(CHUNK.records[0]?.record);
  });

  test('may lack the parameters of a run that is forgotten', () => {
    const { params: _, ...rest } = CHUNK;
    expect(parseFailedChunk(formatFailedChunk(rest), 'chunk.json').params).toBeUndefined();
  });

  test.each(['', '[]', 'null', '{"kind":"other","version":1}'])('%j is none', (text) => {
    const { code, message } = refusalOf(text);
    expect(code).toBe('invalid-configuration');
    expect(message).toContain('The file chunk.json holds no failed chunk');
  });

  test('of a newer version is refused with that version', () => {
    const newer = formatFailedChunk(CHUNK).replace('"version": 1', '"version": 2');
    expect(refusalOf(newer).message).toContain('is of version 2, and this Leat reads version 1');
  });

  test('that was edited badly is refused with what is wrong', () => {
    const edited = formatFailedChunk(CHUNK).replace('"index": 7', '"index": "seven"');
    expect(refusalOf(edited).message).toMatch(/expected number.*index/);
  });
});
