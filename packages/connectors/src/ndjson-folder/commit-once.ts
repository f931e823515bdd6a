import { type ChunkId, LeatError, parseChunkId, type Receipt } from '@leat/core';
import type { Committed, SinkChunk } from '@leat/sdk';
import type { RecentReceipts } from '../sink/recent-receipts.ts';

/** A chunk on its way into the folder. */
export interface Pending {
  readonly chunk: SinkChunk;
  readonly id: ChunkId;
  /** What became of it, once that is known. */
  committed?: Committed;
}

/**
 * Commits chunks of which the session does not remember that they are there, each once, and answers for
 * all.
 *
 * @param commit is given each chunk once, and says of each what became of it
 */
export async function commitOnce(
  chunks: readonly SinkChunk[],
  recent: RecentReceipts,
  commit: (pending: readonly Pending[]) => Promise<void>,
): Promise<readonly Committed[]> {
  const pending = new Map<string, Pending>();
  const known = new Map<string, Receipt>();
  for (const chunk of chunks) {
    const id = chunkIdOf(chunk);
    const receipt = recent.get(chunk.receipt.chunk);
    if (receipt !== undefined) known.set(receipt.chunk, receipt);
    else if (!pending.has(chunk.receipt.chunk)) pending.set(chunk.receipt.chunk, { chunk, id });
  }
  if (pending.size > 0) {
    await commit([...pending.values()]);
    for (const { committed } of pending.values()) {
      if (committed !== undefined) recent.add(committed.receipt);
    }
  }
  return chunks.map(({ receipt: given }) => {
    const committed = pending.get(given.chunk)?.committed;
    const receipt = committed?.receipt ?? known.get(given.chunk) ?? given;
    // The same chunk again in the same call is a duplicate of the first.
    known.set(given.chunk, receipt);
    return pending.delete(given.chunk) && committed !== undefined
      ? committed
      : { receipt, isDuplicate: true };
  });
}

function chunkIdOf({ receipt }: SinkChunk): ChunkId {
  const id = parseChunkId(receipt.chunk);
  if (id !== undefined) return id;
  throw new LeatError('invalid-message', `${JSON.stringify(receipt.chunk)} is not a chunk id.`);
}
