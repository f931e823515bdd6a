import { expect, test } from 'vitest';
import { parseChunkId } from '@leat/core';
import { parseSegmentName, segmentName } from './chunk-file-name.ts';

const NAMES = [
  ['0', '000000000.ndjson'],
  ['42', '000000042.ndjson'],
  ['42.0-2', '000000042.0-2.ndjson'],
  ['42.3-12', '000000042.03-12.ndjson'],
  ['42.10-12.1-2', '000000042.10-12.1-2.ndjson'],
  ['1234567890', '1234567890.ndjson'],
  ['42~1-17', '000000042~01-0017.ndjson'],
  ['42.3-12~10-12345-2.0-3', '000000042.03-12~10-12345-2.0-3.ndjson'],
] as const;

test.each(NAMES)('names the segment of chunk %s %s', (chunk, name) => {
  const id = parseChunkId(chunk);
  if (id === undefined) throw new Error('no chunk id');
  expect(segmentName(id)).toBe(name);
  expect(parseSegmentName(name)).toEqual(id);
});

test.each(['.0-2', '.0-999999999', '~0-0', '~0-0-2'])(
  'names the longest chunk of steps %s so that a file system takes it',
  (step) => {
    const chunks = Array.from({ length: 100 }, (_, n) => parseChunkId(`7${step.repeat(n)}`));
    const longest = chunks.findLast((id) => id !== undefined);
    expect(longest?.path.length).toBeGreaterThan(80);
    expect(segmentName(longest!).length).toBeLessThanOrEqual(255);
  },
);

test.each([
  '42.ndjson',
  '000000042',
  '000000042.ndjson~',
  'receipts',
  '000000042.3-12.ndjson',
  '000000042~1-17.ndjson',
])('takes %s for no segment', (name) => {
  expect(parseSegmentName(name)).toBeUndefined();
});
