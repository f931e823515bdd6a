import { expect, test } from 'vitest';
import { parseSegmentName as parseChunkFileName } from './chunk-files/chunk-file-name.ts';
import { parseSegmentName, segmentName } from './segment-name.ts';

test.each([
  [0, 'segment-000000000.ndjson'],
  [17, 'segment-000000017.ndjson'],
  [999_999_999, 'segment-999999999.ndjson'],
  [1_000_000_000, 'segment-1000000000.ndjson'],
])('names segment %i %s', (segment, name) => {
  expect(segmentName(segment)).toBe(name);
  expect(parseSegmentName(name)).toBe(segment);
  expect(parseChunkFileName(name)).toBeUndefined();
});

test.each([
  'segment-17.ndjson',
  'segment-0000000017.ndjson',
  'segment-000000017.ndjson~',
  'segment-.ndjson',
  '000000017.ndjson',
  'receipts',
])('takes %s for no segment', (name) => {
  expect(parseSegmentName(name)).toBeUndefined();
});
