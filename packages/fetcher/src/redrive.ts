import {
  type Backoff,
  formatChunkId,
  LeatError,
  messageOf,
  type RedriveInFlight,
  redriveOf,
  type RedriveWish,
  type RunRequest,
} from '@leat/core';
import {
  type DeadLetter,
  DeadLetterStore,
  type Logger,
  persist,
  surveyDeadLetters,
} from '@leat/runtime';
import type { Checkpointer } from './checkpointer.ts';
import type { Outbox } from './outbox.ts';
import type { ReceiptIntake } from './receipt-intake.ts';
import type { RunBooks } from './run-books.ts';
import type { RunLife } from './run-life.ts';
import type { SenderOptions } from './send.ts';
import { sendRecord } from './send-record.ts';
import { watchQueues } from './watch-queues.ts';

/** Records on their way at a time. Each has some hundred bytes in the checkpoint. */
const WINDOW = 256;
/** How long to wait when the server is away. */
const RETRY_BACKOFF: Backoff = { initialDelayMs: 500, maxDelayMs: 500, factor: 1, jitter: 'none' };

export interface RedriveOptions {
  readonly sender: SenderOptions;
  readonly request: RunRequest;
  /** The lease's fencing token: a part of what tells one sending of a record from another. */
  readonly fence: number;
  readonly books: RunBooks;
  readonly checkpointer: Pick<Checkpointer, 'write'>;
  readonly outbox: Outbox;
  readonly receipts: ReceiptIntake;
  /** Whether records may be sent. */
  readonly mayGoOn: () => boolean;
  readonly life: RunLife;
  readonly logger: Logger;
}

/**
 * Tries the records of dead letters again, as the run's operator wishes; see `Redrives` for the steps. To
 * be called when the whole dataset is settled.
 */
export class Redrive {
  readonly #options: RedriveOptions;
  readonly #letters: DeadLetterStore;
  readonly #leave: AbortSignal;

  constructor(options: RedriveOptions) {
    this.#options = options;
    const { sender, request, life } = options;
    const { manager, signing } = sender.connection;
    this.#letters = new DeadLetterStore(manager, request.pipeline, signing);
    this.#leave = AbortSignal.any([life.sending, life.stop]);
  }

  /** @returns whether everything is done; `false` if it was told to stop before */
  async run(): Promise<boolean> {
    const { sender, books, receipts, outbox, life, logger } = this.#options;
    const { stop } = life;
    watchQueues({
      connection: sender.connection,
      run: books.run,
      inFlight: () => books.redrives.inFlight(),
      receipts,
      onLost: (lost) => this.#sendAgain(lost),
      signal: sender.signal,
      logger,
    }).catch((error: unknown) => life.fail(error));
    try {
      while (await this.#fulfil()) if (stop.aborted) return false;
      return true;
    } catch (error) {
      if (!stop.aborted || error instanceof LeatError) throw error;
      return false;
    } finally {
      if (stop.aborted) await outbox.untilEmpty(stop);
    }
  }

  /** @returns whether there was a wish to fulfil */
  async #fulfil(): Promise<boolean> {
    const { sender, books, life, logger } = this.#options;
    const { stop } = life;
    const { runs } = sender.connection;
    const { run, redrives } = books;
    const found = await this.#patiently(() => runs.redrives.get(run));
    if (found === undefined && !redrives.areUnderWay) return false;
    const places = found === undefined ? [] : await this.#placesOf(found.wish);
    logger.info({ run, records: places.length }, 'dead letters are tried again');
    await this.#sendAll(places);
    if (found !== undefined && !stop.aborted) {
      await this.#patiently(() => runs.redrives.end(run, found.revision));
    }
    return found !== undefined || stop.aborted;
  }

  /** Sends again what the broker has lost. */
  async #sendAgain(lost: readonly RedriveInFlight[]): Promise<void> {
    const { books, fence, outbox, sender, logger } = this.#options;
    const { run, redrives } = books;
    logger.warn({ run, records: lost.length }, 'redriven records lost, sending again');
    for (const { record, letter: place } of lost) {
      const letter = await this.#letterAt(place);
      await outbox.untilRoom(sender.signal);
      const resends = redrives.resend(record);
      if (resends === undefined) continue;
      if (letter !== undefined) {
        this.#post(record, letter, `${fence}.${resends}`);
        continue;
      }
      redrives.forget([record]);
      logger.warn({ run, record }, 'its dead letter is gone, it cannot be sent again');
    }
  }

  /**
   * Where the letters stand that are to be tried again. Further letters of the same records are deleted
   * first: they would be tried again when it is forgotten that they were.
   */
  #placesOf(wish: RedriveWish): Promise<readonly number[]> {
    return this.#patiently(async () => {
      const { request } = this.#options;
      const { places, copies } = await surveyDeadLetters(this.#letters, request, wish);
      for (const place of copies) await this.#letters.delete(place);
      return places;
    });
  }

  /** Sends all letters' records, a window of them at a time, and waits until they are settled. */
  async #sendAll(places: readonly number[]): Promise<void> {
    const { books, checkpointer, outbox, life, mayGoOn } = this.#options;
    const { redrives } = books;
    let next = 0;
    const hasRoom = (): boolean => next < places.length && redrives.size < WINDOW && mayGoOn();
    const isDone = (): boolean => next === places.length && !redrives.areInFlight;
    for (;;) {
      await life.until(() => redrives.settled().size > 0 || hasRoom() || isDone());
      if (life.stop.aborted) return;
      const settled = redrives.settled();
      if (settled.size === 0 && isDone()) return;
      const taken = new Map<string, DeadLetter>();
      while (hasRoom()) {
        const letter = await this.#letterAt(places[next] as number);
        const record = letter && this.#enter(letter, places[next] as number);
        next++;
        if (record !== undefined) taken.set(record, letter as DeadLetter);
      }
      await checkpointer.write();
      await this.#deleteAll(settled);
      redrives.forget(settled.keys());
      for (const [record, letter] of taken) {
        await outbox.untilRoom(this.#leave);
        this.#post(record, letter, '');
      }
    }
  }

  /**
   * Enters a letter's record into the books.
   *
   * @returns its id; `undefined` if it cannot be tried again, or is on its way already
   */
  #enter(letter: DeadLetter, place: number): string | undefined {
    const { books, request } = this.#options;
    const redrive = redriveOf(letter, request.spec);
    if (redrive === undefined || typeof redrive === 'string') return undefined;
    const record = formatChunkId(redrive);
    return books.redrives.add(record, place) ? record : undefined;
  }

  /** The letter at a place; `undefined` if it was dropped meanwhile. */
  #letterAt(place: number): Promise<DeadLetter | undefined> {
    return this.#patiently(() => this.#letters.at(place));
  }

  async #deleteAll(settled: ReadonlyMap<string, number>): Promise<void> {
    const places = [...settled.values()];
    await Promise.all(places.map((place) => this.#patiently(() => this.#letters.delete(place))));
  }

  #post(record: string, letter: DeadLetter, sending: string): void {
    const { sender, books, outbox } = this.#options;
    const sent = sendRecord(sender, { record, letter, sending });
    outbox.post(sent, () => books.redrives.stored(record));
  }

  /** Tries until it works: the server may be away. */
  #patiently<T>(action: () => Promise<T>): Promise<T> {
    const { sender, books, logger } = this.#options;
    const { connection } = sender;
    return persist(action, {
      backoff: RETRY_BACKOFF,
      isFinal: (error) => error instanceof LeatError || connection.link.isClosed,
      onWait: async ({ error }) => {
        logger.warn({ run: books.run }, `redrive waits: ${messageOf(error)}`);
        await connection.repair().catch(() => undefined);
      },
      signal: this.#leave,
    });
  }
}
