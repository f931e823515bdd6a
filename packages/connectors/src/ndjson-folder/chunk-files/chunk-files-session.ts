import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { formatChunkId, type Receipt, type SinkIdentity } from '@leat/core';
import type { Committed, SinkChunk, SinkContext, SinkSession, StoredChunk } from '@leat/sdk';
import { countLines } from '@leat/sdk';
import { openedToRead } from '../../sink/fenced.ts';
import { RecentReceipts } from '../../sink/recent-receipts.ts';
import { commitOnce, type Pending } from '../commit-once.ts';
import { explainLoss } from '../explain-loss.ts';
import { Journal } from '../journal.ts';
import { discard, fileToken, linkOnce } from '../link-once.ts';
import type { RunFolder } from '../run-folder.ts';
import type { Staging } from '../staging.ts';
import { eachBounded } from './bounded.ts';
import { listSegments, segmentPath, writeTemporary } from './chunk-file.ts';
import { formatJournalEntry } from './journal-entry.ts';
import { isDigestOf, JournalIndex } from './journal-index.ts';

/** The version of the journals that go with this layout. */
const JOURNAL_VERSION = 1;
/** Files that one commit syncs at once; Node's own thread pool bounds what reaches the disk. */
const FILES_AT_ONCE = 16;
/** Chunks whose receipts are looked up in one go. */
const LOOK_UP_AT_ONCE = 5000;

/** A chunk on its way to its final name. */
interface Writing {
  readonly pending: Pending;
  readonly segment: string;
  /** The file to be linked, if the chunk was not there yet. */
  readonly temporary: string;
  /** Its identity, once it is written. */
  token?: string;
}

/**
 * A run's folder of the first layout, a file for each chunk, as earlier versions of Leat made it. A run that
 * was begun in it ends in it, so that savers of both versions can work on it side by side.
 */
export class ChunkFilesSession implements SinkSession {
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
    this.#journal = new Journal(folder, JOURNAL_VERSION);
    this.#index = new JournalIndex(folder);
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

  async #commitPending(pending: readonly Pending[], staging: Staging): Promise<void> {
    const writing = pending.map((one): Writing => ({
      pending: one,
      segment: segmentPath(this.#folder, one.id),
      temporary: staging.newFile(),
    }));
    try {
      await eachBounded(writing, FILES_AT_ONCE, (one) => this.#write(one));
      const entries = writing.flatMap(({ pending: { chunk }, token }) =>
        token === undefined ? [] : [formatJournalEntry({ receipt: chunk.receipt, token })],
      );
      if (entries.length > 0) await this.#journal.append(entries.join(''));
      for (const { pending: one, token, temporary, segment } of writing) {
        if (token !== undefined && linkOnce(temporary, segment)) {
          one.committed = { receipt: one.chunk.receipt, isDuplicate: false };
        }
      }
      // Also for duplicates: another session may have linked them and not have come to this point.
      await this.#folder.syncDirectory(this.#folder.segments);
    } finally {
      for (const { temporary } of writing) discard(temporary);
    }
    const duplicates = pending.filter((one) => one.committed === undefined);
    if (duplicates.length > 0) await this.#findFirstReceipts(duplicates);
  }

  async #write(one: Writing): Promise<void> {
    if (existsSync(one.segment)) return;
    const { body } = one.pending.chunk;
    one.token = await writeTemporary(one.temporary, body, this.#folder.fsync);
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
  async #restoreReceipt({ id, chunk: { receipt } }: Pending): Promise<Receipt> {
    const segment = segmentPath(this.#folder, id);
    if (!isDigestOf(receipt, await readFile(segment))) {
      throw new Error(
        `The segment ${segment} has no receipt and other data than the chunk ${receipt.chunk} that ` +
          'is to be saved. Restore the folder "receipts" beside it, or remove the segment.',
      );
    }
    const token = fileToken(await stat(segment, { bigint: true }));
    await this.#journal.append(formatJournalEntry({ receipt, token }));
    return receipt;
  }
}
