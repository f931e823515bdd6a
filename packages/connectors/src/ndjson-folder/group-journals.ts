import { type FileHandle, open, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Stretch } from './committed-chunks.ts';
import { type FoundGroup, groupsIn, stretchesOf } from './group-lines.ts';
import { headingBytes } from './journal.ts';
import { namesIn } from './names-in.ts';
import type { RunFolder } from './run-folder.ts';

/** How much of a journal is read at once, and what one entry of the index stands for. */
const BLOCK_BYTES = 256 * 1024;

/** A stretch of whole groups in a journal, and which roots it speaks of. */
interface Block {
  readonly start: number;
  end: number;
  lowest: number;
  highest: number;
}

/** Where a group's lines stand. */
export interface Passage {
  readonly journal: string;
  readonly start: number;
  readonly end: number;
}

type Take = (group: FoundGroup, chunks: readonly Stretch[], passage: Passage) => void;

/**
 * The journals of all sessions, which only ever grow.
 *
 * It remembers for each quarter of a megabyte the lowest and the highest chunk in it. Journals are
 * written nearly in dataset order, so a search reads little, and a run of a million chunks costs a few
 * kilobytes here instead of a hundred megabytes for a map of its receipts.
 */
export class GroupJournals {
  readonly #folder: RunFolder;
  readonly #blocks = new Map<string, Block[]>();

  constructor(folder: RunFolder) {
    this.#folder = folder;
  }

  /** Takes in what was written since the last time. Not to be called while an earlier call is running. */
  async refresh(take: Take): Promise<void> {
    for (const name of await namesIn(this.#folder.receipts)) {
      if (name.endsWith('.txt')) await this.#extend(name, take);
    }
  }

  /** The lines of all blocks that may speak of roots between two. */
  async *blocks(lowest: number, highest: number): AsyncGenerator<Buffer, void> {
    for (const [name, blocks] of this.#blocks) {
      const wanted = blocks.filter((b) => b.lowest <= highest && b.highest >= lowest);
      if (wanted.length === 0) continue;
      const handle = await open(this.#path(name));
      try {
        for (const { start, end } of wanted) yield await readAt(handle, start, end - start);
      } finally {
        await handle.close();
      }
    }
  }

  /** The lines of one group. */
  async read({ journal, start, end }: Passage): Promise<Buffer> {
    const handle = await open(this.#path(journal));
    try {
      return await readAt(handle, start, end - start);
    } finally {
      await handle.close();
    }
  }

  async #extend(name: string, take: Take): Promise<void> {
    const file = this.#path(name);
    const blocks = this.#blocks.get(name) ?? [];
    this.#blocks.set(name, blocks);
    const { size } = await stat(file);
    let start = blocks.at(-1)?.end ?? 0;
    if (size <= start) return;
    const handle = await open(file);
    try {
      for (let bytes = BLOCK_BYTES; start < size;) {
        const lines = await readAt(handle, start, Math.min(size - start, bytes));
        const heading = start === 0 ? headingBytes(file, lines) : 0;
        const end = takeGroups(lines.subarray(heading), start + heading, name, blocks, take);
        // A group may be longer than what was read; one that is torn stays so.
        if (end === start + heading && start + bytes >= size) return;
        bytes = end === start + heading ? bytes * 2 : BLOCK_BYTES;
        start = end;
      }
    } finally {
      await handle.close();
    }
  }

  #path(name: string): string {
    return path.join(this.#folder.receipts, name);
  }
}

/** @returns where the last whole group ends in the journal; `at` if there is none */
function takeGroups(
  lines: Buffer,
  at: number,
  journal: string,
  blocks: Block[],
  take: Take,
): number {
  let end = at;
  for (const group of groupsIn(lines)) {
    const passage = { journal, start: at + group.start, end: at + group.end };
    const chunks = stretchesOf(lines, group);
    addToBlock(blocks, end, passage.end, chunks);
    take(group, chunks, passage);
    ({ end } = passage);
  }
  return end;
}

/** A journal that grows by a group at a time must not leave a block for each. */
function addToBlock(blocks: Block[], start: number, end: number, chunks: readonly Stretch[]): void {
  let block = blocks.at(-1);
  if (block === undefined || end - block.start > BLOCK_BYTES) {
    block = { start, end, lowest: Number.POSITIVE_INFINITY, highest: -1 };
    blocks.push(block);
  }
  block.end = end;
  for (const { from, to } of chunks) {
    block.lowest = Math.min(block.lowest, from);
    block.highest = Math.max(block.highest, to - 1);
  }
}

async function readAt(handle: FileHandle, start: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  const { bytesRead } = await handle.read(buffer, 0, bytes, start);
  return buffer.subarray(0, bytesRead);
}
