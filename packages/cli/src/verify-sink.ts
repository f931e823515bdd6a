import { addDigest, EMPTY_DIGEST, type Receipt, savedRecords } from '@leat/core';
import { chunkDigest, type SinkSession, type StoredChunk } from '@leat/sdk';

/** What is really in one sink. */
export interface SinkAccount {
  readonly chunks: number;
  readonly records: number;
  /** The running digest of its receipts. */
  readonly digest: string;
  /** The roots of its chunks: their positions in the dataset. */
  readonly roots: ReadonlySet<number>;
  /** What is wrong, a sentence each. */
  readonly findings: readonly string[];
}

/** Counts a sink's data, and holds it against its receipts. */
export async function accountOf(session: SinkSession, name: string): Promise<SinkAccount> {
  const receipts = new Map<string, Receipt>();
  const roots = new Set<number>();
  let digest = EMPTY_DIGEST;
  for await (const receipt of session.receipts()) {
    receipts.set(receipt.chunk, receipt);
    roots.add(Number.parseInt(receipt.chunk, 10));
    digest = addDigest(digest, receipt.digest);
  }
  const findings: string[] = [];
  const seen = new Set<string>();
  let records = 0;
  for await (const stored of session.read()) {
    const { chunk } = stored;
    const receipt = receipts.get(chunk);
    if (seen.has(chunk)) findings.push(`${name}: chunk ${chunk} is there twice.`);
    seen.add(chunk);
    records += stored.records;
    if (receipt === undefined) {
      findings.push(`${name}: chunk ${chunk} is there without a receipt.`);
    } else if (savedRecords(receipt) !== stored.records) {
      findings.push(
        `${name}: chunk ${chunk} has ${stored.records} records, and its receipt says ${savedRecords(receipt)}.`,
      );
    } else if (isAltered(stored, receipt)) {
      findings.push(`${name}: chunk ${chunk} is not as it was saved.`);
    }
  }
  for (const [chunk, receipt] of receipts) {
    if (!seen.has(chunk) && savedRecords(receipt) > 0) {
      findings.push(`${name}: chunk ${chunk} has a receipt and is not there.`);
    }
  }
  return { chunks: seen.size, records, digest, roots, findings };
}

function isAltered(
  { chunk, body, isVerbatim, isAltered: isSaidToBe }: StoredChunk,
  receipt: Receipt,
): boolean {
  return isSaidToBe === true || (isVerbatim && chunkDigest(chunk, body) !== receipt.digest);
}
