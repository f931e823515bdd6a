import { createHash } from 'node:crypto';
import { compareChunkIds, LeatError, precedes, type Receipt, type SinkIdentity } from '@leat/core';
import {
  admitToSink,
  type Committed,
  type SinkChunk,
  type SinkContext,
  SinkRejection,
  type SinkSession,
  type StoredChunk,
} from '@leat/sdk';
import { fenced, openedToRead } from '../sink/fenced.ts';
import { RecentReceipts } from '../sink/recent-receipts.ts';
import type { ClaimedTable } from './sql-claim.ts';
import type { SqlDatabase, SqlRow, SqlValue } from './sql-database.ts';
import { commitChunks, demandKept, isLater } from './sql-commit.ts';
import { isAway, isTimeout } from './sql-fault.ts';
import { chunkIdOf, receiptOf, receiptsJson } from './sql-receipts.ts';
import { tryOut } from './sql-rejection.ts';
import {
  type Tables,
  pageReceipts,
  selectFence,
  selectOrphans,
  selectReceipts,
  selectRecords,
} from './sql-statements.ts';

const RECEIPTS_AT_ONCE = 2000;
/** Chunks whose records are read at once; each may have some megabytes. */
const CHUNKS_AT_ONCE = 16;

/** A chunk may so often take too long by itself for the server, until it is asked which of its records do. */
const MAX_TIMEOUTS = 10;

/** Two tables, open for one run and one saver. See {@link postgres} for what is written. */
export class SqlSession implements SinkSession {
  readonly identity: SinkIdentity;
  readonly #claim: string;
  readonly #database: SqlDatabase;
  readonly #tables: Tables;
  readonly #context: SinkContext;
  readonly #run: string;
  readonly #saver: string;
  readonly #recent: RecentReceipts = new RecentReceipts();
  /** Whether rows may be altered after the statement that inserts them. */
  #isLookedAtLater = false;
  /** How many chunks one statement may have, since more took too long. */
  #most = Number.POSITIVE_INFINITY;
  /** How often chunks took too long by themselves. */
  readonly #timeouts = new Map<string, number>();

  constructor(
    database: SqlDatabase,
    { claim, identity, tables }: ClaimedTable,
    context: SinkContext,
  ) {
    this.identity = identity;
    this.#claim = claim;
    this.#database = database;
    this.#tables = tables;
    this.#context = context;
    this.#run = context.run.id;
    this.#saver = context.stage;
  }

  commit = async (chunks: readonly SinkChunk[]): Promise<readonly Committed[]> => {
    const known = new Map<string, Receipt>();
    const pending = new Map<string, SinkChunk>();
    for (const chunk of chunks) {
      const id = chunk.receipt.chunk;
      const receipt = this.#recent.get(id);
      if (receipt !== undefined) known.set(id, receipt);
      else if (!pending.has(id)) pending.set(id, chunk);
    }
    // Sessions that insert the same receipts in the same order wait for each other, never in a circle.
    const fresh = pending.size === 0 ? new Set() : await this.#insert(inDatasetOrder(pending));
    this.#most = Number.POSITIVE_INFINITY;
    this.#timeouts.clear();
    const duplicates = [...pending.keys()].filter((id) => !fresh.has(id));
    if (duplicates.length > 0) await this.#findFirstReceipts(duplicates, known);
    return chunks.map(({ receipt: given }) => {
      const receipt = known.get(given.chunk) ?? given;
      known.set(given.chunk, receipt);
      this.#recent.add(receipt);
      // The same chunk again in the same call is a duplicate of the first.
      return { receipt, isDuplicate: !fresh.delete(given.chunk) };
    });
  };

  async *receipts(): AsyncGenerator<Receipt> {
    for await (const page of this.#pages()) yield* page;
  }

  async *read(): AsyncGenerator<StoredChunk> {
    const orphans = await this.#orphans();
    let next = 0;
    for await (const page of this.#pages()) {
      const ids: string[] = [];
      for (const { chunk } of page) {
        for (; next < orphans.length && precedes(orphans[next] ?? '', chunk); next++) {
          ids.push(orphans[next] ?? '');
        }
        ids.push(chunk);
      }
      yield* this.#readChunks(ids);
    }
    yield* this.#readChunks(orphans.slice(next));
  }

  close = (): Promise<void> => this.#database.close();

  /**
   * Returns the ids of the chunks that were not there before. Those that the table refuses together only, or that take
   * too long together, are committed in parts.
   */
  async #insert(chunks: readonly SinkChunk[]): Promise<Set<string>> {
    const { fence } = this.#context;
    if (fence === undefined) throw openedToRead(this.#context);
    if (chunks.length > this.#most) return this.#insertHalves(chunks);
    const receipts = [this.#run, this.#saver, receiptsJson(chunks)] as const;
    const pieces = piecesOf(chunks);
    const values = [...receipts, fence, this.#claim, ...pieces];
    try {
      const rows = await this.#write(pieces.length / 3, values, chunks);
      if (rows.length === 0) throw await this.#refusal();
      return new Set(rows.flatMap(([chunk]) => chunk ?? []));
    } catch (error) {
      if (error instanceof LeatError) throw error;
      const isSlow = isTimeout(error);
      if (isSlow && chunks.length > 1) {
        this.#most = chunks.length >> 1;
        return this.#insertHalves(chunks);
      }
      if (isAway(error) && !(isSlow && this.#isTooSlow(chunks))) throw error;
      const slow = isSlow ? error : undefined;
      const trial = await tryOut(this.#database, this.#tables, chunks, receipts, slow);
      if (trial.rejected.length > 0) throw new SinkRejection(trial.rejected, { cause: error });
      // What stood in the way is gone, as a row of another transaction may be.
      if (trial.isTaken) throw error;
      // Only together are they refused.
      return this.#insertHalves(chunks);
    }
  }

  async #insertHalves(chunks: readonly SinkChunk[]): Promise<Set<string>> {
    const half = chunks.length >> 1;
    const first = await this.#insert(chunks.slice(0, half));
    return new Set([...first, ...(await this.#insert(chunks.slice(half)))]);
  }

  /** Whether a chunk has taken too long for the last time, by itself. */
  #isTooSlow([chunk]: readonly SinkChunk[]): boolean {
    const id = chunk?.receipt.chunk ?? '';
    const timeouts = (this.#timeouts.get(id) ?? 0) + 1;
    this.#timeouts.set(id, timeouts);
    return timeouts >= MAX_TIMEOUTS;
  }

  /**
   * Commits by one statement; or, where the rows may be altered after it, as by a trigger, by two in a transaction, of
   * which the other looks at them again.
   */
  async #write(
    pieces: number,
    values: readonly SqlValue[],
    chunks: readonly SinkChunk[],
  ): Promise<readonly SqlRow[]> {
    if (!this.#isLookedAtLater) {
      try {
        return await this.#database.query(commitChunks(this.#tables, pieces, false), values);
      } catch (error) {
        if (!isLater(error)) throw error;
        this.#isLookedAtLater = true;
      }
    }
    return this.#database.transaction(async (tx) => {
      const rows = await tx.query(commitChunks(this.#tables, pieces, true), values);
      const fresh = new Set(rows.map(([chunk]) => chunk));
      const stored = piecesOf(chunks.filter(({ receipt }) => fresh.has(receipt.chunk)));
      if (stored.length === 0) return rows;
      // Triggers that are deferred run now.
      await tx.query('SET CONSTRAINTS ALL IMMEDIATE');
      await tx.query(demandKept(this.#tables, stored.length / 3), [this.#run, ...stored]);
      return rows;
    });
  }

  /** Why a commit wrote nothing: another fetcher has the run, or another run has its place. */
  async #refusal(): Promise<LeatError> {
    const values = [this.#run, this.#saver];
    const [kept] = await this.#database.query(selectFence(this.#tables), values);
    const [fence = null, claim = null] = kept ?? [];
    if (claim !== null && claim !== this.#claim) admitToSink(claim, this.#context);
    return fenced(this.#context, fence ?? 'none');
  }

  async #findFirstReceipts(ids: readonly string[], known: Map<string, Receipt>): Promise<void> {
    const rows = await this.#database.query(selectReceipts(this.#tables), [
      this.#run,
      this.#saver,
      JSON.stringify(ids),
    ]);
    for (const row of rows) {
      const receipt = receiptOf(row);
      known.set(receipt.chunk, receipt);
    }
    const lost = ids.find((id) => !known.has(id));
    if (lost !== undefined) throw new Error(`The receipt of chunk ${lost} was removed just now.`);
  }

  async *#pages(): AsyncGenerator<readonly Receipt[]> {
    for (let after = '{}'; ;) {
      const rows = await this.#database.query(pageReceipts(this.#tables), [
        this.#run,
        this.#saver,
        after,
        RECEIPTS_AT_ONCE,
      ]);
      if (rows.length > 0) yield rows.map(receiptOf);
      if (rows.length < RECEIPTS_AT_ONCE) return;
      after = rows.at(-1)?.[2] ?? after;
    }
  }

  /** Chunks that have records without a receipt, which only meddling from outside can make. */
  async #orphans(): Promise<string[]> {
    const rows = await this.#database.query(selectOrphans(this.#tables), [this.#run]);
    return rows.map(([chunk]) => chunk ?? '').toSorted((a, b) => (precedes(a, b) ? -1 : 1));
  }

  async *#readChunks(ids: readonly string[]): AsyncGenerator<StoredChunk> {
    for (let from = 0; from < ids.length; from += CHUNKS_AT_ONCE) {
      const some = JSON.stringify(ids.slice(from, from + CHUNKS_AT_ONCE));
      const values = [this.#run, some, this.#saver];
      const rows = await this.#database.query(selectRecords(this.#tables), values);
      for (const [chunk, records, lines, md5 = null] of rows) {
        const body = Buffer.from(lines ?? '');
        const isAltered = md5 !== null && md5 !== createHash('md5').update(body).digest('hex');
        yield { chunk: chunk ?? '', records: Number(records), body, isVerbatim: false, isAltered };
      }
    }
  }
}

/** The values of a commit that has whole chunks, see `commitChunks`. */
function piecesOf(chunks: readonly SinkChunk[]): SqlValue[] {
  return chunks.flatMap(({ receipt, body }) => (body.length === 0 ? [] : [receipt.chunk, 0, body]));
}

function inDatasetOrder(chunks: ReadonlyMap<string, SinkChunk>): SinkChunk[] {
  return [...chunks.values()]
    .map((chunk) => ({ id: chunkIdOf(chunk.receipt.chunk), chunk }))
    .toSorted((a, b) => compareChunkIds(a.id, b.id))
    .map(({ chunk }) => chunk);
}
