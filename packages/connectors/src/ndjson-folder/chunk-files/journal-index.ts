import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type ChunkId, type Receipt, formatChunkId, formatReceipt } from '@leat/core';
import { chunkDigest } from '@leat/sdk';
import { headingBytes } from '../journal.ts';
import { fileToken } from '../link-once.ts';
import { namesIn } from '../names-in.ts';
import type { RunFolder } from '../run-folder.ts';
import { segmentPath } from './chunk-file.ts';
import { type JournalEntry, parseJournalEntry } from './journal-entry.ts';

/** How much of a journal is read at once, and what one entry of the index stands for. */
const BLOCK_BYTES = 256 * 1024;
const LINE_FEED = 0x0a;

/** A stretch of whole lines in a journal, and which roots it speaks of. */
interface Block {
  readonly start: number;
  end: number;
  lowest: number;
  highest: number;
}

/**
 * Finds the receipts of committed chunks in the journals of all sessions, which only ever grow.
 *
 * It remembers for each quarter of a megabyte the lowest and the highest chunk in it. Journals are
 * written nearly in dataset order, so a search reads little, and a run of a million chunks costs a few
 * kilobytes here instead of a hundred megabytes for a map of its receipts.
 */
export class JournalIndex {
  readonly #folder: RunFolder;
  readonly #journals = new Map<string, Block[]>();
  #refreshed: Promise<void> = Promise.resolve();

  constructor(folder: RunFolder) {
    this.#folder = folder;
  }

  /**
   * Takes in what was written since the last time. What is linked before the call has its receipt in
   * the index after it.
   */
  refresh(): Promise<void> {
    const refreshed = this.#refreshed.then(() => this.#refresh());
    this.#refreshed = refreshed.catch(() => undefined);
    return refreshed;
  }

  /** The receipts of committed chunks, by chunk id; a chunk whose receipt is lost is absent. */
  async find(ids: readonly ChunkId[]): Promise<Map<string, Receipt>> {
    const entries = new Map<string, JournalEntry[]>(ids.map((id) => [formatChunkId(id), []]));
    let lowest = Number.POSITIVE_INFINITY;
    let highest = -1;
    for (const { seq } of ids) {
      lowest = Math.min(lowest, seq);
      highest = Math.max(highest, seq);
    }
    for (const [name, blocks] of this.#journals) {
      const wanted = blocks.filter((b) => b.lowest <= highest && b.highest >= lowest);
      if (wanted.length > 0) await this.#collect(name, wanted, entries);
    }
    const receipts = new Map<string, Receipt>();
    for (const id of ids) {
      const chunk = formatChunkId(id);
      const receipt = await committedReceipt(segmentPath(this.#folder, id), entries.get(chunk));
      if (receipt !== undefined) receipts.set(chunk, receipt);
    }
    return receipts;
  }

  async #refresh(): Promise<void> {
    for (const name of await namesIn(this.#folder.receipts)) {
      if (name.endsWith('.txt')) await this.#extend(name);
    }
  }

  async #extend(name: string): Promise<void> {
    const file = path.join(this.#folder.receipts, name);
    const blocks = this.#journals.get(name) ?? [];
    this.#journals.set(name, blocks);
    const { size } = await stat(file);
    let start = blocks.at(-1)?.end ?? 0;
    if (size <= start) return;
    const handle = await open(file);
    try {
      while (start < size) {
        const lines = await readLines(handle, start, Math.min(size - start, BLOCK_BYTES));
        if (lines.length === 0) return;
        const heading = start === 0 ? headingBytes(file, lines) : 0;
        if (lines.length > heading) addBlock(blocks, start + heading, lines.subarray(heading));
        start += lines.length;
      }
    } finally {
      await handle.close();
    }
  }

  async #collect(
    name: string,
    blocks: readonly Block[],
    entries: ReadonlyMap<string, JournalEntry[]>,
  ): Promise<void> {
    const handle = await open(path.join(this.#folder.receipts, name));
    try {
      for (const { start, end } of blocks) {
        const lines = await readLines(handle, start, end - start);
        for (const line of lines.toString('latin1').split('\n')) {
          const found = entries.get(line.slice(0, line.indexOf(' ')));
          const entry = found && parseJournalEntry(line);
          if (entry !== undefined) found?.push(entry);
        }
      }
    } finally {
      await handle.close();
    }
  }
}

/**
 * Which of several entries for one chunk is that of the commit: the one that names the very file. Where
 * the files were copied since, it is the one whose digest fits; the books may still differ then, and any
 * choice will do as long as it is always the same.
 */
async function committedReceipt(
  segment: string,
  entries: readonly JournalEntry[] = [],
): Promise<Receipt | undefined> {
  const byText = new Map(entries.map((entry) => [formatReceipt(entry.receipt), entry.receipt]));
  if (byText.size <= 1) return entries[0]?.receipt;
  const token = fileToken(await stat(segment, { bigint: true }));
  const exact = entries.findLast((entry) => entry.token === token);
  if (exact !== undefined) return exact.receipt;
  const body = await readFile(segment);
  for (const text of [...byText.keys()].toSorted()) {
    const receipt = byText.get(text);
    if (receipt !== undefined && isDigestOf(receipt, body)) return receipt;
  }
  return undefined;
}

/** Whether a receipt speaks of these bytes; the digest of nothing may be left out. */
export function isDigestOf(receipt: Receipt, body: Uint8Array): boolean {
  if (body.length === 0 && receipt.digest === '') return true;
  return receipt.digest === chunkDigest(receipt.chunk, body);
}

/** Whole lines from `start` on, at most `bytes` of them; empty if there is none, or only a torn one. */
async function readLines(handle: FileHandle, start: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  const { bytesRead } = await handle.read(buffer, 0, bytes, start);
  return buffer.subarray(0, buffer.subarray(0, bytesRead).lastIndexOf(LINE_FEED) + 1);
}

function addBlock(blocks: Block[], start: number, lines: Buffer): void {
  let block = blocks.at(-1);
  // A journal that grows by a few lines at a time must not leave a block for each time.
  if (block === undefined || block.end - block.start + lines.length > BLOCK_BYTES) {
    block = { start, end: start, lowest: Number.POSITIVE_INFINITY, highest: -1 };
    blocks.push(block);
  }
  block.end = start + lines.length;
  for (let line = 0; line < lines.length; line = lines.indexOf(LINE_FEED, line) + 1) {
    const seq = leadingNumber(lines, line);
    block.lowest = Math.min(block.lowest, seq);
    block.highest = Math.max(block.highest, seq);
  }
}

/** Every line begins with the number of its root chunk. */
function leadingNumber(bytes: Buffer, at: number): number {
  let value = 0;
  for (let i = at; ; i++) {
    const digit = (bytes[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return value;
    value = value * 10 + digit;
  }
}
