import { request } from '@leat/testing/contracts';
import { closeSync, openSync, writeSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Source } from '@leat/sdk';
import { generate } from './generate.ts';
import { jsonArray } from '../files/json-array.ts';
import { ndjsonSource } from '../files/ndjson-source.ts';
import { TemporaryFiles } from '../files/temporary-files.testsuite.ts';

const files = new TemporaryFiles();
const RECORDS_PER_BLOCK = 10_000;
const BLOCKS = 200; // of a megabyte
const MOST_GROWTH = 100_000_000;

const record = `{"text":"${'x'.repeat(88)}"}`;
const block = Array.from({ length: RECORDS_PER_BLOCK }, () => record);

/** Writes a file block by block, so that the test itself needs no memory. */
function writeLarge(name: string, pieces: (block: number) => string | Uint8Array): string {
  const path = files.write('', name);
  const file = openSync(path, 'w');
  for (let i = 0; i < BLOCKS; i++) {
    const piece = Buffer.from(pieces(i));
    writeSync(file, piece);
  }
  closeSync(file);
  return path;
}

const used = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

async function growthOf(source: Source<unknown>): Promise<{ records: number; growth: number }> {
  const before = used();
  let records = 0;
  let growth = 0;
  for await (const chunk of source.chunks(request({ chunkSize: 1000 }))) {
    records += chunk.records;
    growth = Math.max(growth, used() - before);
  }
  return { records, growth };
}

describe('memory stays flat over 200 MB', () => {
  let paths: { lines: string; zipped: string; array: string };

  beforeAll(() => {
    const lines = Buffer.from(`${block.join('\n')}\n`);
    const zipped = gzipSync(lines, { level: 1 });
    const [first, next] = [`[${block.join(',')}`, `,${block.join(',')}`];
    paths = {
      lines: writeLarge('lines.ndjson', () => lines),
      zipped: writeLarge('lines.ndjson.gz', () => zipped),
      array: writeLarge(
        'array.json',
        (i) => `${i === 0 ? first : next}${i === BLOCKS - 1 ? ']' : ''}`,
      ),
    };
  });

  test.each([
    { title: 'NDJSON', make: () => ndjsonSource(paths.lines) },
    { title: 'gzip', make: () => ndjsonSource(paths.zipped) },
    { title: 'a JSON array', make: () => jsonArray(paths.array) },
    {
      title: 'computed records',
      make: () => generate(BLOCKS * RECORDS_PER_BLOCK, (index) => ({ index, record })),
    },
  ])('of $title', async ({ make }) => {
    const { records, growth } = await growthOf(make());
    expect(records).toBe(BLOCKS * RECORDS_PER_BLOCK);
    expect(growth).toBeLessThan(MOST_GROWTH);
  });
});
