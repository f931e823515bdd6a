import { existsSync, unlinkSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import {
  type ChunkId,
  formatChunkId,
  LeatError,
  parseChunkId,
  type Receipt,
  type SinkIdentity,
} from '@leat/core';
import type { Committed, SinkChunk, SinkContext, SinkSession, StoredChunk } from '@leat/sdk';
import { countLines } from '@leat/sdk';
import { eachBounded } from './bounded.ts';
import { errorCode } from '../sink/error-code.ts';
import { fenced, openedToRead } from '../sink/fenced.ts';
import type { RunFolder } from './ndjson-folder.ts';
import { Journal } from './ndjson-journal.ts';
import { JournalIndex, isDigestOf } from './ndjson-receipts.ts';
import {
  fileToken,
  linkSegment,
  listSegments,
  segmentPath,
  writeTemporary,
} from './ndjson-segment.ts';
import type { Staging } from './ndjson-staging.ts';
import { RecentReceipts } from '../sink/recent-receipts.ts';

/** Files that one commit syncs at once; Node's own thread pool bounds what reaches the disk. */
const FILES_AT_ONCE = 16;
/** Chunks whose receipts are looked up in one go. */
const LOOK_UP_AT_ONCE = 5000;

/** A chunk on its way to its final name. */
interface Pending {
  readonly chunk: SinkChunk;
  readonly id: ChunkId;
  readonly segment: string;
  /** The file to be linked, if the chunk was not there yet. */
  readonly temporary: string;
  /** Its identity, once it is written. */
  token?: string;
  committed?: Committed;
}

/** A run's folder, open for one saver. See {@link ndjson} for what is written. */
export class NdjsonSession implements SinkSession {
  readonly identity: SinkIdentity;
  readonly #folder: RunFolder;
  readonly #context: SinkContext;
  readonly #journal: Journal;
  readonly #index: JournalIndex;
  readonly #recent: RecentReceipts = new RecentReceipts();

  constructor(folder: RunFolder, context: SinkContext) {
    this.identity = folder.identity;
    this.#folder = folder;
    this.#context = context;
    this.#journal = new Journal(folder);
    this.#index = new JournalIndex(folder);
  }

  commit = async (chunks: readonly SinkChunk[]): Promise<readonly Committed[]> => {
    const staging = this.#folder.staging;
    if (staging === undefined) throw openedToRead(this.#context);
    const pending = new Map<string, Pending>();
    const known = new Map<string, Receipt>();
    for (const chunk of chunks) {
      const id = chunkIdOf(chunk);
      const receipt = this.#recent.get(chunk.receipt.chunk);
      if (receipt !== undefined) known.set(receipt.chunk, receipt);
      else if (!pending.has(chunk.receipt.chunk)) {
        const segment = segmentPath(this.#folder, id);
        const temporary = staging.newFile();
        pending.set(chunk.receipt.chunk, { chunk, id, segment, temporary });
      }
    }
    if (pending.size > 0) {
      await this.#commitPending([...pending.values()]).catch((error: unknown) =>
        this.#explain(staging, error),
      );
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
  };

  async *receipts(): AsyncGenerator<Receipt> {
    const ids = await listSegments(this.#folder);
    await this.#index.refresh();
    for (let from = 0; from < ids.length; from += LOOK_UP_AT_ONCE) {
      const some = ids.slice(from, from + LOOK_UP_AT_ONCE);
      const found = await this.#index.find(some);
      for (const id of some) {
        const chunk = formatChunkId(id);
        const receipt = found.get(chunk);
        if (receipt !== undefined) yield receipt;
        else this.#context.logger.warn({ chunk }, 'segment has no receipt');
      }
    }
  }

  async *read(): AsyncGenerator<StoredChunk> {
    for (const id of await listSegments(this.#folder)) {
      const body = await readFile(segmentPath(this.#folder, id));
      yield { chunk: formatChunkId(id), records: countLines(body), body, isVerbatim: true };
    }
  }

  close = async (): Promise<void> => {
    await this.#folder.staging?.close();
    await this.#journal.close();
  };

  /** Where a file is gone, a session with a higher fence may have taken it away; or somebody tidied up. */
  async #explain(staging: Staging, error: unknown): Promise<never> {
    if (errorCode(error) !== 'ENOENT') throw error;
    const higher = await staging.claim();
    throw higher === undefined ? error : fenced(this.#context, higher);
  }

  async #commitPending(pending: readonly Pending[]): Promise<void> {
    try {
      await eachBounded(pending, FILES_AT_ONCE, (one) => this.#write(one));
      const entries = pending.flatMap(({ chunk: { receipt }, token }) =>
        token === undefined ? [] : [{ receipt, token }],
      );
      if (entries.length > 0) await this.#journal.append(entries);
      for (const one of pending) {
        if (one.token !== undefined && linkSegment(one.temporary, one.segment)) {
          one.committed = { receipt: one.chunk.receipt, isDuplicate: false };
        }
      }
      // Also for duplicates: another session may have linked them and not have come to this point.
      await this.#folder.syncDirectory(this.#folder.segments);
    } finally {
      for (const { temporary } of pending) discard(temporary);
    }
    const duplicates = pending.filter((one) => one.committed === undefined);
    if (duplicates.length > 0) await this.#findFirstReceipts(duplicates);
    for (const { committed } of pending) {
      if (committed !== undefined) this.#recent.add(committed.receipt);
    }
  }

  async #write(one: Pending): Promise<void> {
    if (existsSync(one.segment)) return;
    one.token = await writeTemporary(one.temporary, one.chunk.body, this.#folder.fsync);
  }

  async #findFirstReceipts(duplicates: readonly Pending[]): Promise<void> {
    await this.#index.refresh();
    const found = await this.#index.find(duplicates.map((one) => one.id));
    for (const one of duplicates) {
      const receipt = found.get(one.chunk.receipt.chunk) ?? (await this.#restoreReceipt(one));
      one.committed = { receipt, isDuplicate: true };
    }
  }

  /** Somebody removed the journal. The given receipt takes the place of the lost one, if it fits. */
  async #restoreReceipt({ chunk: { receipt }, segment }: Pending): Promise<Receipt> {
    if (!isDigestOf(receipt, await readFile(segment))) {
      throw new Error(
        `The segment ${segment} has no receipt and other data than the chunk ${receipt.chunk} that ` +
          'is to be saved. Restore the folder "receipts" beside it, or remove the segment.',
      );
    }
    const token = fileToken(await stat(segment, { bigint: true }));
    await this.#journal.append([{ receipt, token }]);
    return receipt;
  }
}

function discard(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It was never written, or was taken away with its folder.
  }
}

function chunkIdOf({ receipt }: SinkChunk): ChunkId {
  const id = parseChunkId(receipt.chunk);
  if (id !== undefined) return id;
  throw new LeatError('invalid-message', `${JSON.stringify(receipt.chunk)} is not a chunk id.`);
}
