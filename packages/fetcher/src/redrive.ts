import {
  type Backoff,
  type ChunkId,
  formatChunkId,
  LeatError,
  type Ledger,
  messageOf,
  parseChunkId,
  parsePosition,
  REDRIVEN_COUNTS,
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
  type PipelineConnection,
  sendOut,
  surveyDeadLetters,
  wait,
} from '@leat/runtime';
import type { Checkpointer } from './checkpointer.ts';
import type { ReceiptIntake } from './receipt-intake.ts';
import { watchQueues } from './watch-queues.ts';

/** Records on their way at a time. Each has some hundred bytes in the checkpoint. */
const WINDOW = 256;
/** How often a record may be lost before it is clear that it will always be. */
const MAX_RESENDS = 20;
/** How long to wait when the server is away. */
const RETRY_BACKOFF: Backoff = { initialDelayMs: 500, maxDelayMs: 500, factor: 1, jitter: 'none' };
/** How long a stop waits for records on their way to a queue. */
const STOP_SENDING_MS = 1_000;

export interface RedriveOptions {
  readonly connection: PipelineConnection;
  readonly request: RunRequest;
  /** The lease's fencing token: a part of what tells one sending of a record from another. */
  readonly fence: number;
  readonly ledger: Ledger;
  readonly checkpointer: Checkpointer;
  readonly receipts: ReceiptIntake;
  /** Whether records may be sent. */
  readonly mayGoOn: () => boolean;
  /** Waits for a condition that receipts, publishes and signals change; or until told to stop. */
  readonly until: (isMet: () => boolean) => Promise<void>;
  /** Told when a record is stored on its queue, or never can be. */
  readonly onSent: () => void;
  readonly onFailed: (error: unknown) => void;
  readonly stop: AbortSignal;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Tries the records of dead letters again, as the run's operator wishes; see `Redrives` for the steps. To
 * be called when the whole dataset is settled.
 */
export class Redrive {
  readonly #options: RedriveOptions;
  readonly #letters: DeadLetterStore;
  readonly #sending = new Set<Promise<void>>();
  readonly #leave: AbortSignal;

  constructor(options: RedriveOptions) {
    this.#options = options;
    const { connection, request } = options;
    this.#letters = new DeadLetterStore(connection.manager, request.pipeline);
    this.#leave = AbortSignal.any([options.signal, options.stop]);
  }

  /** @returns whether everything is done; `false` if it was told to stop before */
  async run(): Promise<boolean> {
    const { connection, request, ledger, receipts, stop, signal, logger, onFailed } = this.#options;
    watchQueues({
      connection,
      run: request.run,
      inFlight: () => ledger.redrives.inFlight(),
      receipts,
      onLost: (lost) => this.#sendAgain(lost),
      signal,
      logger,
    }).catch(onFailed);
    try {
      while (await this.#fulfil()) if (stop.aborted) return false;
      return true;
    } catch (error) {
      if (!stop.aborted || error instanceof LeatError) throw error;
      return false;
    } finally {
      if (stop.aborted) await Promise.race([Promise.all(this.#sending), wait(STOP_SENDING_MS)]);
    }
  }

  /** @returns whether there was a wish to fulfil */
  async #fulfil(): Promise<boolean> {
    const { connection, request, ledger, stop, logger } = this.#options;
    const { run } = request;
    const found = await this.#patiently(() => connection.runs.redrive(run));
    const [underWay] = [...ledger.redrives.inFlight(), ...ledger.redrives.settled()];
    if (found === undefined && underWay === undefined) return false;
    const places = found === undefined ? [] : await this.#placesOf(found.wish);
    logger.info({ run, records: places.length }, 'dead letters are tried again');
    await this.#sendAll(places);
    if (found !== undefined && !stop.aborted) {
      await this.#patiently(() => connection.runs.endRedrive(run, found.revision));
    }
    return found !== undefined || stop.aborted;
  }

  /** Sends again what the broker has lost. */
  async #sendAgain(lost: readonly RedriveInFlight[]): Promise<void> {
    const { request, ledger, fence, logger } = this.#options;
    const { run } = request;
    logger.warn({ run, records: lost.length }, 'redriven records lost, sending again');
    for (const { record, letter: place } of lost) {
      const resends = ledger.redrives.resend(record);
      if (resends > MAX_RESENDS) {
        throw new LeatError(
          'run-failed',
          `The redriven record ${record} was sent ${resends} times and lost each time: the log of mappers and savers says why they dropped it.`,
        );
      }
      const letter = await this.#letterAt(place);
      if (letter !== undefined) {
        this.#send(record, letter, `${fence}.${resends}`);
        continue;
      }
      ledger.redrives.forget(record);
      this.#options.checkpointer.changed();
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
    const { request, ledger, checkpointer, until, mayGoOn, stop } = this.#options;
    const { redrives } = ledger;
    let next = 0;
    const hasRoom = (): boolean => next < places.length && redrives.size < WINDOW && mayGoOn();
    const isDone = (): boolean =>
      next === places.length && redrives.inFlight().next().done === true;
    for (;;) {
      await until(() => redrives.settled().size > 0 || hasRoom() || isDone());
      if (stop.aborted) return;
      const settled = redrives.settled();
      if (settled.size === 0 && isDone()) return;
      const taken = new Map<string, DeadLetter>();
      while (hasRoom()) {
        const place = places[next++] as number;
        const letter = await this.#letterAt(place);
        const redrive = letter && redriveOf(letter, request.spec);
        // Dropped meanwhile, or on its way already, in an earlier life of this fetcher.
        if (letter === undefined || redrive === undefined || typeof redrive === 'string') continue;
        const record = formatChunkId(redrive);
        if (redrives.has(record, place)) continue;
        redrives.add(record, place);
        taken.set(record, letter);
      }
      await checkpointer.write();
      await this.#deleteAll(settled);
      for (const record of settled.keys()) redrives.forget(record);
      checkpointer.changed();
      for (const [record, letter] of taken) this.#send(record, letter, '');
    }
  }

  #letterAt(place: number): Promise<DeadLetter | undefined> {
    return this.#patiently(() => this.#letters.at(place));
  }

  async #deleteAll(settled: ReadonlyMap<string, number>): Promise<void> {
    const places = [...settled.values()];
    await Promise.all(places.map((place) => this.#patiently(() => this.#letters.delete(place))));
  }

  #send(id: string, letter: DeadLetter, sending: string): void {
    const { connection, request, ledger, signal, onSent, onFailed } = this.#options;
    const position = parsePosition(letter.position) ?? {
      unit: 'record',
      first: 0,
      source: letter.position,
    };
    const { run, born } = request;
    const record = {
      run,
      ...(born !== undefined && { born }),
      chunk: parseChunkId(id) as ChunkId,
      position,
      sending,
      records: 1,
    };
    const piece = { body: Buffer.from(`${letter.record}\n`), records: 1 };
    const child = { reader: letter.stage, chunk: record.chunk, counts: REDRIVEN_COUNTS, piece };
    const sent = sendOut(connection, connection.tracer, record, record, [child], signal).then(
      () => ledger.redrives.sent(id, performance.now()),
      onFailed,
    );
    this.#sending.add(sent);
    void sent.finally(() => {
      this.#sending.delete(sent);
      onSent();
    });
  }

  /** Tries until it works: the server may be away. */
  #patiently<T>(action: () => Promise<T>): Promise<T> {
    const { connection, request, logger } = this.#options;
    return persist(action, {
      backoff: RETRY_BACKOFF,
      isFinal: (error) => error instanceof LeatError || connection.link.isClosed,
      onWait: async ({ error }) => {
        logger.warn({ run: request.run }, `redrive waits: ${messageOf(error)}`);
        await connection.repair().catch(() => undefined);
      },
      signal: this.#leave,
    });
  }
}
