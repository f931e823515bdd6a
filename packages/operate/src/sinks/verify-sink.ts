import {
  addDigest,
  canReach,
  drawGraph,
  EMPTY_DIGEST,
  LeatError,
  precedes,
  RangeSet,
  type Receipt,
  type RunRequest,
  savedRecords,
} from '@leat/core';
import { chunkDigest, type SinkSession, type StoredChunk } from '@leat/sdk';

/** What is really in one sink. */
export interface SinkAccount {
  readonly chunks: number;
  readonly records: number;
  /** The running digest of its receipts. */
  readonly digest: string;
  /** The roots of its chunks: their positions in the dataset. */
  readonly roots: Pick<RangeSet, 'has'>;
  /** What is wrong, a sentence each. */
  readonly findings: readonly string[];
}

/**
 * Counts a sink's data, and holds it against its receipts, chunk by chunk, and the receipts against what the
 * run was asked to do: however many there are, few are in memory.
 *
 * @param name the saver's
 * @throws LeatError `sink-unfit` if they do not come in dataset order
 */
export async function accountOf(
  session: SinkSession,
  name: string,
  request: RunRequest,
): Promise<SinkAccount> {
  const findings: string[] = [];
  const roots = new RangeSet();
  let digest = EMPTY_DIGEST;
  let chunks = 0;
  let records = 0;
  let previous: string | undefined;
  let last: Receipt | undefined;
  for await (const [receipt, stored] of sideBySide(session, name)) {
    if (receipt !== undefined) {
      const misfit = misfitOf(receipt, last, request, name);
      if (misfit !== undefined) findings.push(`${name}: chunk ${receipt.chunk} ${misfit}.`);
      last = receipt;
      roots.add(rootOf(receipt.chunk));
      digest = addDigest(digest, receipt.digest);
    }
    const isTwice = stored !== undefined && stored.chunk === previous;
    const fault = isTwice ? 'is there twice' : faultOf(receipt, stored);
    if (fault !== undefined) {
      findings.push(`${name}: chunk ${(receipt ?? stored)?.chunk} ${fault}.`);
    }
    if (stored === undefined) continue;
    previous = stored.chunk;
    records += stored.records;
    if (!isTwice) chunks++;
  }
  return { chunks, records, digest, roots, findings };
}

/** What of a receipt cannot be, if the run went as it was asked to. */
function misfitOf(
  { chunk, counts, source }: Receipt,
  last: Receipt | undefined,
  { spec, limits }: RunRequest,
  saver: string,
): string | undefined {
  if (!canReach(spec, saver, chunk)) {
    return `cannot have come by the run's graph, ${drawGraph(spec)}`;
  }
  if (limits !== undefined && counts.in > limits.chunkSize) {
    return `accounts for ${counts.in} records of the dataset, and the run's chunks have at most ${limits.chunkSize}`;
  }
  const isSibling = last !== undefined && rootOf(last.chunk) === rootOf(chunk);
  if (isSibling && source !== undefined && last.source !== undefined && source !== last.source) {
    return `and ${last.chunk} come from different contents of the dataset`;
  }
  return undefined;
}

function rootOf(chunk: string): number {
  return Number.parseInt(chunk, 10);
}

/** What is wrong with a chunk of which there is a receipt, or data, or both. */
export function faultOf(
  receipt: Receipt | undefined,
  stored: StoredChunk | undefined,
): string | undefined {
  if (receipt === undefined) return 'is there without a receipt';
  const records = savedRecords(receipt);
  if (stored === undefined) return records > 0 ? 'has a receipt and is not there' : undefined;
  if (records !== stored.records) {
    return `has ${stored.records} records, and its receipt says ${records}`;
  }
  return isAltered(stored, receipt) ? 'is not as it was saved' : undefined;
}

/** Receipts and data, merged: both of a chunk if both are there. */
export async function* sideBySide(
  session: SinkSession,
  name: string,
): AsyncGenerator<readonly [Receipt | undefined, StoredChunk | undefined]> {
  const receipts = inOrder(session.receipts(), name);
  const data = inOrder(session.read(), name);
  let receipt = await nextOf(receipts);
  let stored = await nextOf(data);
  while (receipt !== undefined || stored !== undefined) {
    if (stored === undefined || (receipt && precedes(receipt.chunk, stored.chunk))) {
      yield [receipt, undefined];
      receipt = await nextOf(receipts);
    } else if (receipt === undefined || precedes(stored.chunk, receipt.chunk)) {
      yield [undefined, stored];
      stored = await nextOf(data);
    } else {
      yield [receipt, stored];
      receipt = await nextOf(receipts);
      stored = await nextOf(data);
    }
  }
}

async function nextOf<T>(all: AsyncGenerator<T, void>): Promise<T | undefined> {
  const { value } = await all.next();
  return value ?? undefined;
}

/** The same, as long as it comes in dataset order. */
async function* inOrder<T extends { readonly chunk: string }>(
  all: AsyncIterable<T>,
  name: string,
): AsyncGenerator<T, void> {
  let previous: string | undefined;
  for await (const one of all) {
    if (previous !== undefined && precedes(one.chunk, previous)) {
      throw new LeatError(
        'sink-unfit',
        `The sink of ${name} gives chunk ${one.chunk} after ${previous}: a sink must give receipts and data in dataset order.`,
      );
    }
    previous = one.chunk;
    yield one;
  }
}

function isAltered(
  { chunk, body, isVerbatim, isAltered: isSaidToBe }: StoredChunk,
  receipt: Receipt,
): boolean {
  return isSaidToBe === true || (isVerbatim && chunkDigest(chunk, body) !== receipt.digest);
}
