import {
  type ChunkId,
  formatReceipt,
  LeatError,
  ordinalOf,
  parseChunkId,
  parseReceipt,
  type Receipt,
} from '@leat/core';
import type { SinkChunk } from '@leat/sdk';
import type { SqlRow } from './sql-database.ts';

/** The name of a receipt's field that has a column. */
const SOURCE = 'source=';

/** @throws LeatError `invalid-message` if it is no chunk id */
export function chunkIdOf(text: string): ChunkId {
  const id = parseChunkId(text);
  if (id !== undefined) return id;
  throw new LeatError('invalid-message', `${JSON.stringify(text)} is not a chunk id.`);
}

/** The receipts of a commit, as rows of their table in JSON. */
export function receiptsJson(chunks: readonly SinkChunk[]): string {
  const rows = chunks.map(({ receipt }) => {
    const { chunk, counts, digest, fence } = receipt;
    return {
      chunk,
      ordinal: `{${ordinalOf(chunkIdOf(chunk)).join()}}`,
      records_in: counts.in,
      expanded: counts.expanded,
      filtered: counts.filtered,
      dead: counts.dead,
      retries: counts.retries,
      digest,
      fence,
      ...saidBy(receipt),
    };
  });
  return JSON.stringify(rows);
}

/**
 * What a receipt says besides, in two columns: its fields that have no column of their own stand behind the last of
 * the two that has a value, where also the last release reads them.
 */
function saidBy(receipt: Receipt): { readonly buried: string; readonly source: string } {
  const fields = formatReceipt(receipt).split(' ').slice(4);
  const at = fields.findIndex((field) => field.startsWith(SOURCE));
  if (at < 0) return { buried: fields.join(' '), source: '' };
  const source = fields.slice(at).join(' ').slice(SOURCE.length);
  return { buried: fields.slice(0, at).join(' '), source };
}

/** The receipt in a row of the table. */
export function receiptOf([chunk, line]: SqlRow): Receipt {
  const receipt = parseReceipt(line ?? '');
  if (receipt !== undefined) return receipt;
  throw new Error(`The receipt of chunk ${chunk} is damaged: ${line}.`);
}
