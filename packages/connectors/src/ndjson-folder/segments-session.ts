import {
  compareChunkIds,
  formatChunkId,
  FORMATS,
  type Receipt,
  type SinkIdentity,
} from '@leat/core';
import type { Committed, SinkChunk, SinkContext, SinkSession, StoredChunk } from '@leat/sdk';
import { openedToRead } from '../sink/fenced.ts';
import { RecentReceipts } from '../sink/recent-receipts.ts';
import { commitOnce, type Pending } from './commit-once.ts';
import { explainLoss } from './explain-loss.ts';
import { formatGroup, formatMove } from './group-lines.ts';
import { Journal } from './journal.ts';
import { discard, linkOnce } from './link-once.ts';
import { readStray, SegmentReader } from './segment-reader.ts';
import type { RunFolder } from './run-folder.ts';
import { segmentPath, writeGroup } from './segment-file.ts';
import { SegmentIndex } from './segment-index.ts';
import type { Staging } from './staging.ts';

/** A run's folder, open for one saver. See `ndjsonSink` for what is written. */
export class SegmentsSession implements SinkSession {
  readonly identity: SinkIdentity;
  readonly #folder: RunFolder;
  readonly #context: SinkContext;
  readonly #journal: Journal;
  readonly #index: SegmentIndex;
  readonly #recent: RecentReceipts = new RecentReceipts();
  #groups = 0;
  /** Whether the segments are known that were there when it was opened. */
  #isReady = false;

  constructor(folder: RunFolder, context: SinkContext) {
    this.identity = folder.identity;
    this.#folder = folder;
    this.#context = context;
    this.#journal = new Journal(folder, FORMATS.journal);
    this.#index = new SegmentIndex(folder);
  }

  commit = async (chunks: readonly SinkChunk[]): Promise<readonly Committed[]> => {
    const { staging } = this.#folder;
    if (staging === undefined) throw openedToRead(this.#context);
    return commitOnce(chunks, this.#recent, (pending) =>
      this.#commitPending(pending, staging).catch((error: unknown) =>
        explainLoss(error, staging, this.#context),
      ),
    );
  };

  async *receipts(): AsyncGenerator<Receipt> {
    this.#warnOf(await this.#index.look());
    for (const ids of this.#index.committed.inOrder()) {
      const found = await this.#index.find(ids);
      for (const id of ids) {
        const place = found.get(formatChunkId(id))?.[0];
        if (place !== undefined) yield place.receipt;
      }
    }
  }

  async *read(): AsyncGenerator<StoredChunk> {
    const strays = await this.#index.look();
    const reader = new SegmentReader(this.#folder);
    for (const ids of this.#index.committed.inOrder()) {
      const found = await this.#index.find(ids);
      for (const id of ids) {
        for (const place of found.get(formatChunkId(id)) ?? []) {
          const stored = await reader.read(place);
          if (stored !== undefined) yield stored;
        }
      }
    }
    for (const stray of strays) yield await readStray(this.#folder, stray);
  }

  close = async (): Promise<void> => {
    await this.#folder.staging?.close();
    await this.#journal.close();
  };

  #warnOf(strays: readonly number[]): void {
    for (const stray of strays) {
      const segment = segmentPath(this.#folder, stray);
      this.#context.logger.warn({ segment }, 'segment has no receipts');
    }
  }

  async #commitPending(given: readonly Pending[], staging: Staging): Promise<void> {
    const pending = given.toSorted((a, b) => compareChunkIds(a.id, b.id));
    if (!this.#isReady) {
      this.#index.demandAll(await this.#index.look());
      this.#isReady = true;
    }
    for (;;) {
      const group = pending.filter(({ id }) => !this.#index.committed.has(id));
      if (group.length === 0 || (await this.#commitGroup(group, staging))) break;
    }
    // Also for duplicates: another session may have linked them and not have come to this point.
    await this.#folder.syncDirectory(this.#folder.segments);
    const duplicates = pending.filter(({ committed }) => committed === undefined);
    if (duplicates.length > 0) await this.#findFirstReceipts(duplicates);
  }

  /** @returns `false` if some of the chunks turned out to be committed already: nothing was, then */
  async #commitGroup(group: readonly Pending[], staging: Staging): Promise<boolean> {
    const file = staging.newFile();
    const name = `${this.#folder.session}:${this.#groups++}`;
    const segment = this.#index.next;
    const chunks = group.map(({ chunk }) => chunk);
    const lines = chunks.map(({ receipt, body }) => ({ receipt, bytes: body.length }));
    const bodies = chunks.map(({ body }) => body);
    try {
      await writeGroup(file, bodies, this.#folder.fsync, (token) =>
        this.#journal.append(formatGroup({ name, segment, token }, lines)),
      );
      const isMine = await this.#place(group, file, { name, segment });
      if (isMine) {
        for (const one of group) one.committed = { receipt: one.chunk.receipt, isDuplicate: false };
      }
      return isMine;
    } finally {
      discard(file);
    }
  }

  /** Gives a group's file the first number that is free, as long as no chunk of it is below that number. */
  async #place(
    group: readonly Pending[],
    file: string,
    { name, segment: noted }: { readonly name: string; readonly segment: number },
  ): Promise<boolean> {
    for (let tried = noted; ;) {
      // The server of a network file system may have linked it, and its answer was lost.
      if (this.#index.isPlaced(name)) return true;
      if (group.some(({ id }) => this.#index.committed.has(id))) return false;
      const segment = this.#index.next;
      if (segment !== tried) {
        await this.#journal.note(formatMove({ name, segment }));
        tried = segment;
      } else if (linkOnce(file, segmentPath(this.#folder, segment))) {
        const chunks = group.map(({ id: { seq, path } }) => ({ path, from: seq, to: seq + 1 }));
        this.#index.settle(name, segment, chunks);
        return true;
      } else await this.#index.learn();
    }
  }

  async #findFirstReceipts(duplicates: readonly Pending[]): Promise<void> {
    await this.#index.learn();
    const found = await this.#index.find(duplicates.map(({ id }) => id));
    for (const one of duplicates) {
      const { chunk } = one.chunk.receipt;
      const receipt = found.get(chunk)?.[0]?.receipt;
      if (receipt === undefined) {
        throw new Error(
          `The chunk ${chunk} is in ${this.#folder.segments}, and the journal that has its receipt is not there ` +
            'any more. Restore the folder "receipts".',
        );
      }
      one.committed = { receipt, isDuplicate: true };
    }
  }
}
