import { type Counts, formatCounts, parseCounts, recordsOf } from './counts.ts';
import { formatChunkId, parseChunkId } from './chunk-id.ts';

/**
 * The word that a chunk is saved (or that nothing of it is left to save): its id and books, and the
 * digest of its bytes. It is committed together with the data and then sent to the fetcher.
 */
export interface Receipt {
  /** The chunk id, as `formatChunkId` writes it. */
  readonly chunk: string;
  readonly counts: Counts;
  /**
   * 32 hexadecimal digits over chunk id and saved bytes; empty when the chunk left nothing to save.
   */
  readonly digest: string;
}

/** How many records a receipt says are in the sink. */
export function savedRecords(receipt: Receipt): number {
  return recordsOf(receipt.counts);
}

/** One line: `chunk counts digest`. */
export function formatReceipt(receipt: Receipt): string {
  return `${receipt.chunk} ${formatCounts(receipt.counts)} ${receipt.digest}`;
}

/** The inverse of {@link formatReceipt}; `undefined` for anything that it cannot have made. */
export function parseReceipt(line: string): Receipt | undefined {
  const [chunk = '', countsText = '', digest, ...rest] = line.split(' ');
  const id = parseChunkId(chunk);
  const counts = parseCounts(countsText);
  if (id === undefined || counts === undefined || rest.length > 0) return undefined;
  if (digest === undefined || !/^(?:[0-9a-f]{32})?$/.test(digest)) return undefined;
  return { chunk: formatChunkId(id), counts, digest };
}
