import {
  type ChunkId,
  formatExecutions,
  LeatError,
  ordinalOf,
  parseChunkId,
  parseReceipt,
  type Receipt,
} from '@leat/core';
import type { SinkChunk } from '@leat/sdk';
import type { SqlRow } from './sql-database.ts';

/** @throws LeatError `invalid-message` if it is no chunk id */
export function chunkIdOf(text: string): ChunkId {
  const id = parseChunkId(text);
  if (id !== undefined) return id;
  throw new LeatError('invalid-message', `${JSON.stringify(text)} is not a chunk id.`);
}

/** The receipts of a commit, as rows of their table in JSON. */
export function receiptsJson(chunks: readonly SinkChunk[]): string {
  const rows = chunks.map(({ receipt: { chunk, counts, digest, fence, buried, source = '' } }) => ({
    chunk,
    ordinal: `{${ordinalOf(chunkIdOf(chunk)).join()}}`,
    records_in: counts.in,
    expanded: counts.expanded,
    filtered: counts.filtered,
    dead: counts.dead,
    retries: counts.retries,
    digest,
    fence,
    buried: formatExecutions(buried),
    source,
  }));
  return JSON.stringify(rows);
}

/** The receipt in a row of the table. */
export function receiptOf([chunk, line]: SqlRow): Receipt {
  const receipt = parseReceipt(line ?? '');
  if (receipt !== undefined) return receipt;
  throw new Error(`The receipt of chunk ${chunk} is damaged: ${line}.`);
}
