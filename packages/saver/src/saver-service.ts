import { fateOf, isA, LeatError, messageOf, recordsOf } from '@leat/core';
import {
  type Committed,
  originOf,
  type Pipeline,
  type Saver,
  SinkRejection,
  type SinkSession,
} from '@leat/sdk';
import {
  bury,
  type ChunkQueues,
  type DeadRecord,
  type Delivery,
  type KnownRun,
  KnownRuns,
  type Logger,
  type PipelineConnection,
  type Publishing,
  readingOf,
  ReceiptSender,
  SinkGone,
  Slots,
  type Telemetry,
  wait,
} from '@leat/runtime';
import type { ChunkToSave } from './chunk-to-save.ts';
import { MAX_COMMIT_CHUNKS } from './commit-group.ts';
import { demandCommitted, rejectsNothing } from './demand-sink.ts';
import { RunQueue } from './run-queue.ts';
import { SinkAway, SinkSilent, untilAvailable } from './until-available.ts';
import { RunSink } from './run-sink.ts';

/** Chunks in hand: those being committed, and as many waiting for the next commit. */
const SLOTS = 64;

/** Sinks that are kept open; a saver has to do with very few runs at a time. */
const MAX_OPEN_SINKS = 4;

/** As much of a `PipelineConnection` as a saver uses. */
type SaverConnection = Publishing &
  Pick<PipelineConnection, 'runs'> & {
    readonly queues: Pick<ChunkQueues, 'receive'>;
  };

export interface SaverServiceOptions {
  readonly connection: SaverConnection;
  readonly pipeline: Pipeline;
  readonly saver: Saver;
  readonly logger: Logger;
  /** The version of the user's code, for the run's report. */
  readonly codeVersion?: string | undefined;
  readonly telemetry?: Telemetry | undefined;
  /** The one run that is worked on. @defaultValue every run */
  readonly only?: string | undefined;
  /** Stops pulling and finishes what is in hand. */
  readonly stop: AbortSignal;
  /** Gives back what is in hand. */
  readonly abort: AbortSignal;
}

/** A saver at work, whether its chunks come from its queue or are handed over. */
export class SaverService {
  readonly slots: Slots = new Slots(SLOTS);
  readonly #options: SaverServiceOptions;
  readonly #receipts: ReceiptSender;
  readonly #known: KnownRuns;
  readonly #runs = new Map<string, RunQueue>();
  readonly #validates: boolean;
  readonly #isInline: boolean;
  readonly #unfit = new AbortController();
  /** How many runs their sinks keep waiting. */
  #long = 0;

  /** @internal Use `runSaver` or `openInlineSaver`. */
  constructor(options: SaverServiceOptions, isInline: boolean) {
    this.#options = options;
    this.#isInline = isInline;
    this.#receipts = new ReceiptSender(options.connection, options.abort);
    const { connection, pipeline, saver, codeVersion, only, abort, logger } = options;
    const { runs } = connection;
    const stage = saver.name;
    const known = { runs, pipeline, stage, isInline, codeVersion, only, abort, logger };
    this.#known = new KnownRuns(known);
    this.#validates = readingOf(options.saver) !== undefined;
  }

  /**
   * Aborted when the sink can never work as it stands, with LeatError `sink-unfit`; or, where the saver is there for
   * one run alone, when the sink is not that of the run, with `sink-taken`: the saver has to end.
   */
  get unfit(): AbortSignal {
    return this.#unfit.signal;
  }

  take(delivery: Delivery): void {
    const { run } = delivery.envelope;
    let queue = this.#runs.get(run);
    if (queue === undefined) {
      queue = new RunQueue(new RunSink(this.#options), (isLong) => this.#makeRoom(isLong));
      this.#runs.set(run, queue);
    }
    queue.add(delivery);
    if (queue.isEmpty) return;
    queue.working ??= this.#drain(run, queue);
  }

  /**
   * Waits until nothing is in hand.
   *
   * @param noMore settles when nothing is handed over any more
   */
  async idle(noMore: Promise<unknown> = Promise.resolve()): Promise<void> {
    await noMore;
    for (const { working } of this.#runs.values()) await working;
  }

  async close(): Promise<void> {
    this.#known.close();
    for (const { sink } of this.#runs.values()) await sink.close();
  }

  /** Commits what waits, group by group: while one group is written the next one gathers. */
  async #drain(run: string, queue: RunQueue): Promise<void> {
    // Chunks that arrive in the same turn of the event loop go together.
    await Promise.resolve();
    while (!queue.isEmpty) {
      await queue.work(async (group) => {
        try {
          const admitted = await this.#admit(group);
          const [first] = admitted;
          if (first === undefined) return;
          await this.#save(
            queue.sink,
            first.run,
            admitted.map(({ chunk }) => chunk),
          );
        } catch (error) {
          await this.#giveBack(run, queue, group, error);
        }
      });
    }
    // In the turn of the last look: a chunk that comes in between would wait for ever.
    queue.working = undefined;
  }

  /** A run whose sink keeps it waiting has the slots of one group for itself, and takes none from the others. */
  #makeRoom(isLong: boolean): void {
    this.#long += isLong ? 1 : -1;
    this.slots.setLimit(SLOTS + this.#long * MAX_COMMIT_CHUNKS, SLOTS >> 2);
  }

  async #giveBack(
    run: string,
    { sink }: RunQueue,
    group: readonly ChunkToSave[],
    error: unknown,
  ): Promise<void> {
    const { stop, abort } = this.#options;
    const { delayMs, isFault } = fateOf(error, abort.aborted, Math.random());
    await this.#tell(run, sink, error);
    const isKept =
      this.#isInline &&
      error instanceof SinkGone &&
      ![stop, abort, this.unfit].some((each) => each.aborted);
    const again = isKept && abortedAfter(delayMs, [stop, abort]);
    for (const { delivery } of group) {
      if (isFault) delivery.telemetry.failed(error);
      // Given back, it would be worked on again by the mapper whose result it is, and no replica could save it.
      if (again !== false) delivery.park(again);
      else delivery.giveBack(delayMs);
    }
  }

  /** Tells the log and the run's troubles why chunks are given back, and does what follows from it. */
  async #tell(run: string, sink: RunSink, error: unknown): Promise<void> {
    const { abort, only, logger } = this.#options;
    const reason = messageOf(error);
    if (error instanceof SinkSilent) sink.abandon();
    const code = isA(error, LeatError) ? error.code : undefined;
    if (code === 'sink-unfit' || (code === 'sink-taken' && only !== undefined)) {
      this.#known.noteWait(run, reason);
      this.#unfit.abort(error);
    } else if (isA(error, LeatError) && code === 'fenced') await this.#yield(run, sink, error);
    else if (code === 'sink-taken' || code === 'newer-version')
      this.#known.tellTrouble(run, reason);
    else if (code === 'run-state') logger.debug({ run }, `chunks given back: ${reason}`);
    else if (error instanceof SinkSilent || error instanceof SinkAway) {
      logger.warn({ run }, `chunks given back: ${reason}`);
      this.#known.noteWait(run, `chunks are given back: ${reason}`);
    } else if (!abort.aborted) {
      logger.error({ err: error, run }, 'chunks given back');
      this.#known.noteWait(run, `chunks are given back: ${reason}`);
    }
  }

  /** The sink has told that another fetcher conducts the run: the saver goes on under its fence. */
  async #yield(
    run: string,
    sink: RunSink,
    { message: reason, fence: found }: LeatError,
  ): Promise<void> {
    const { logger } = this.#options;
    try {
      const before = sink.fence;
      await sink.close();
      const fence = await this.#known.lookAtFence(run);
      if (fence > before) {
        const next = `They come again under the run's fence, which is ${fence} now.`;
        logger.warn({ run, fence }, `chunks given back: ${reason} ${next}`);
        return;
      }
      // No other fetcher has it. The clock of an earlier one was ahead, or the broker remembers an earlier state.
      const sentence = `${reason} The run's own fence is still ${fence}: they wait until its fetcher has a higher one.`;
      logger.warn({ run, fence }, `chunks given back: ${sentence}`);
      this.#known.noteWait(run, sentence, found);
    } catch (error) {
      logger.warn({ err: error, run }, `chunks given back: ${reason}`);
    }
  }

  /** The chunks of a group that may be saved now; the others are settled by {@link KnownRuns}. */
  async #admit(
    group: readonly ChunkToSave[],
  ): Promise<{ readonly chunk: ChunkToSave; readonly run: KnownRun }[]> {
    const admitted: { readonly chunk: ChunkToSave; readonly run: KnownRun }[] = [];
    for (const chunk of group) {
      const run = await this.#known.admit(chunk.delivery);
      if (run !== undefined) admitted.push({ chunk, run });
    }
    return admitted;
  }

  async #closeIdleSinks(): Promise<void> {
    const idle = [...this.#runs].filter(([, { sink, working }]) => sink.isOpen && !working);
    for (const [run, { sink }] of idle.slice(0, Math.max(0, idle.length - MAX_OPEN_SINKS + 1))) {
      this.#runs.delete(run);
      await sink.close();
    }
  }

  async #save(sink: RunSink, run: KnownRun, chunks: readonly ChunkToSave[]): Promise<void> {
    if (!sink.isOpen) await this.#closeIdleSinks();
    const session = await sink.open(run, this.#known);
    if (this.#validates) {
      for (const chunk of chunks) {
        await this.#bury(chunk, chunk.validate(originOf(this.#options.saver)));
      }
    }
    const committed = await this.#commit(session, sink.fence, chunks, run.signal);
    const { identity } = session;
    const where = identity && { saver: this.#options.saver.name, ...identity };
    await Promise.all(
      committed.map(async ({ receipt, isDuplicate }, at) => {
        const { delivery } = chunks[at] as ChunkToSave;
        await this.#receipts.send(delivery.envelope, receipt, where);
        delivery.telemetry.saved(isDuplicate ? 0 : recordsOf(receipt.counts));
        delivery.ack();
      }),
    );
  }

  async #commit(
    session: SinkSession,
    fence: number,
    chunks: readonly ChunkToSave[],
    signal: AbortSignal,
  ): Promise<readonly Committed[]> {
    const { stop, abort, logger } = this.#options;
    const run = chunks[0]?.delivery.envelope.run ?? '';
    const onWait = (reason: string): void => this.#known.noteWait(run, reason);
    for (;;) {
      const commit = (): Promise<readonly Committed[]> =>
        session.commit(chunks.map((chunk) => chunk.toSinkChunk(fence)));
      try {
        const committed = await untilAvailable('the sink', commit, {
          signal,
          stop,
          abort,
          logger,
          onWait,
        });
        return demandCommitted(committed, chunks.length);
      } catch (error) {
        if (!isA(error, SinkRejection)) throw error;
        let buried = 0;
        for (const chunk of chunks) {
          const dead = chunk.reject(error.rejected.filter((each) => each.chunk === chunk.id));
          buried += dead.length;
          await this.#bury(chunk, dead);
        }
        if (buried === 0) throw rejectsNothing(error);
      }
    }
  }

  async #bury(chunk: ChunkToSave, records: readonly DeadRecord[]): Promise<void> {
    if (records.length === 0) return;
    const { connection, saver, abort } = this.#options;
    const { delivery, execution } = chunk;
    const place = { stage: saver.name, chunk: delivery.envelope, execution };
    await bury(connection, place, records, abort);
    delivery.telemetry.buried(records);
  }
}

/** A signal that is aborted after a while, or with any of some. */
function abortedAfter(delayMs: number, signals: readonly AbortSignal[]): AbortSignal {
  const over = new AbortController();
  void wait(delayMs, AbortSignal.any([...signals])).then(
    () => over.abort(),
    () => over.abort(),
  );
  return over.signal;
}
