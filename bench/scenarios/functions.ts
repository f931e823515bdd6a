import {
  divideCounts,
  formatChunkId,
  formatCounts,
  formatOrigins,
  formatReceipt,
  mayHaveInexactNumbers,
  NO_COUNTS,
  parseChunkId,
  parseCounts,
  parseReceipt,
} from '@leat/core';
import { chunkDigest, countLines } from '@leat/sdk';
import { readRecords } from '@leat/runtime';
import { recordOf } from '../job/record.ts';
import { TRANSFORMS } from '../job/transform.ts';
import { figure } from '../measure/table.ts';
import type { Scenario } from '../scenario.ts';

const BATCH_MS = 20;
const BATCHES = 10;

const body = Buffer.from(
  Array.from({ length: 100 }, (_, id) => `${JSON.stringify(recordOf(id, 200))}\n`).join(''),
);
const counts = { ...NO_COUNTS, in: 100, filtered: 3 };
const chunk = { seq: 123_456, path: '' };
const line = formatReceipt({
  chunk: '123456',
  counts,
  digest: chunkDigest('123456', body),
  fence: 1,
  buried: [],
});
const receipt = parseReceipt(line) ?? refuse(line);
const origins = Array.from({ length: 97 }, (_, at) => (at < 50 ? at : at + 3));
const unchecked = TRANSFORMS.cheap.before;
const checked = TRANSFORMS.checked.before;

const origin = { name: 'items', numbers: 'exact' } as const;

/** What is called for each chunk, with a chunk of the job. */
const FUNCTIONS: Readonly<Record<string, () => unknown>> = {
  formatChunkId: () => formatChunkId(chunk),
  parseChunkId: () => parseChunkId('123456'),
  'parseChunkId, divided': () => parseChunkId('123456.1-2.0-3'),
  formatCounts: () => formatCounts(counts),
  parseCounts: () => parseCounts('100/0/3/0/0'),
  divideCounts: () => divideCounts(counts, [50, 47]),
  formatOrigins: () => formatOrigins(origins),
  formatReceipt: () => formatReceipt(receipt),
  parseReceipt: () => parseReceipt(line),
  chunkDigest: () => chunkDigest('123456', body),
  countLines: () => countLines(body),
  'readRecords, no schema': () => readRecords(body, { ...origin, schema: unchecked }),
  'readRecords, schema': () => readRecords(body, { ...origin, schema: checked }),
  'readRecords of a saver': () => readRecords(body, { ...origin, schema: checked }, 'pass'),
  mayHaveInexactNumbers: () => mayHaveInexactNumbers(body),
  'the same by JSON.parse alone': () =>
    body
      .toString()
      .trimEnd()
      .split('\n')
      .map((each) => JSON.parse(each) as unknown),
};

/** The hot functions of the core and of the codecs, one by one. */
export const functions: Scenario = {
  name: 'functions',
  about: 'What does each hot function cost for a chunk of 100 records?',
  isQuick: true,
  run: () => {
    const found = Object.entries(FUNCTIONS).map(([name, call]) => ({
      name,
      micros: microsOf(call),
    }));
    const table = {
      title: 'Hot functions, once for each chunk of 100 records',
      head: ['', 'µs'],
      rows: found.map(({ name, micros }) => [name, figure(micros)]),
    };
    return Promise.resolve({ tables: [table], data: found });
  },
};

/** The best of some batches: everything else is what came in between. */
function microsOf(call: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  let kept: unknown;
  for (let batch = 0; batch < BATCHES; batch++) {
    const start = performance.now();
    let calls = 0;
    while (performance.now() - start < BATCH_MS) {
      for (let turn = 0; turn < 10; turn++) kept = call();
      calls += 10;
    }
    best = Math.min(best, ((performance.now() - start) * 1_000) / calls);
  }
  if (kept === undefined) throw new Error('the function gave nothing');
  return best;
}

function refuse(text: string): never {
  throw new Error(`not a receipt: ${text}`);
}
