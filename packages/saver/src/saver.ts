import { backoffMs, LeatError, messageOf, type RetryPolicy } from '@leat/core';
import {
  type Committed,
  type Pipeline,
  type RunInfo,
  type Saver,
  type Sink,
  type SinkSession,
  SinkRejection,
} from '@leat/sdk';
import {
  buryAll,
  type DeadLetter,
  type Delivery,
  type KnownRun,
  KnownRuns,
  type Logger,
  type PipelineConnection,
  receiveChunks,
  ReceiptSender,
  Slots,
  wait,
} from '@leat/sdk/internal';
import { ChunkToSave } from './chunk-to-save.ts';
import { takeGroup } from './commit-group.ts';

/** Chunks in hand: those being committed, and as many waiting for the next commit. */
const SLOTS = 64;

/** After an error of Leat's own making, so that it does not go round and round at full speed. */
const TROUBLE_DELAY_MS = 1_000;
/** Sinks that are kept open; a saver has to do with very few runs at a time. */
const MAX_OPEN_SINKS = 4;

const SINK_BACKOFF: RetryPolicy = {
  attempts: Number.POSITIVE_INFINITY,
  initialDelayMs: 100,
  maxDelayMs: 5_000,
  factor: 2,
  jitter: 'equal',
};

export interface SaverServiceOptions {
  readonly connection: PipelineConnection;
  readonly pipeline: Pipeline;
  readonly saver: Saver;
  readonly logger: Logger;
  /** Stops pulling and finishes what is in hand. */
  readonly stop: AbortSignal;
  /** Gives back what is in hand. */
  readonly abort: AbortSignal;
}

/**
 * Hosts one saver: commits chunks and receipts together, and reports them; until it is told to stop.
 *
 * @throws LeatError `sink-unfit` if the sink can never work as it stands
 */
export async function runSaver(options: SaverServiceOptions): Promise<void> {
  const { connection, saver, logger } = options;
  const unfit = new AbortController();
  const stop = AbortSignal.any([options.stop, unfit.signal]);
  const service = new SaverService(options, unfit);
  try {
    await receiveChunks({
      connection,
      stage: saver.name,
      slots: service.slots,
      handle: (delivery) => service.take(delivery),
      signal: stop,
      logger,
    });
    await service.idle();
    unfit.signal.throwIfAborted();
  } finally {
    await service.close();
  }
}

/** The chunks of one run that wait to be committed, and the sink that is open for it. */
interface RunQueue {
  readonly waiting: ChunkToSave[];
  session: SinkSession | undefined;
  working: Promise<void> | undefined;
}

class SaverService {
  readonly slots = new Slots(SLOTS);
  readonly #options: SaverServiceOptions;
  readonly #receipts: ReceiptSender;
  readonly #known: KnownRuns;
  readonly #runs = new Map<string, RunQueue>();
  readonly #validates: boolean;
  readonly #unfit: AbortController;

  constructor(options: SaverServiceOptions, unfit: AbortController) {
    this.#options = options;
    this.#unfit = unfit;
    this.#receipts = new ReceiptSender(options.connection, options.abort);
    this.#known = new KnownRuns(options.connection.runs, options.abort, options.logger);
    // What comes straight from the fetcher has not been read by anybody.
    this.#validates = options.saver.from.kind === 'fetcher';
  }

  take(delivery: Delivery): void {
    const { run } = delivery.envelope;
    let queue = this.#runs.get(run);
    if (queue === undefined) {
      queue = { waiting: [], session: undefined, working: undefined };
      this.#runs.set(run, queue);
    }
    queue.waiting.push(new ChunkToSave(delivery));
    const mine = queue;
    mine.working ??= this.#drain(run, mine).finally(() => {
      mine.working = undefined;
    });
  }

  async idle(): Promise<void> {
    for (const { working } of this.#runs.values()) await working;
  }

  async close(): Promise<void> {
    this.#known.close();
    for (const { session } of this.#runs.values()) await session?.close();
  }

  /** Commits what waits, group by group: while one group is written the next one gathers. */
  async #drain(run: string, queue: RunQueue): Promise<void> {
    // Chunks that arrive in the same turn of the event loop go together.
    await Promise.resolve();
    while (queue.waiting.length > 0) {
      const group = takeGroup(queue.waiting);
      try {
        const admitted = await this.#admit(group);
        const [first] = admitted;
        if (first === undefined) continue;
        queue.session ??= await this.#open(first.run);
        await this.#save(
          queue.session,
          admitted.map(({ chunk }) => chunk),
          first.run.signal,
        );
      } catch (error) {
        const isUnfit = error instanceof LeatError && error.code === 'sink-unfit';
        if (isUnfit) this.#unfit.abort(error);
        else if (!this.#options.abort.aborted) {
          this.#options.logger.error({ err: error, run }, 'chunks given back');
        }
        const delayMs = this.#options.abort.aborted || isUnfit ? 0 : TROUBLE_DELAY_MS;
        for (const chunk of group) chunk.delivery.giveBack(delayMs);
      }
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

  async #open({ info, signal }: KnownRun): Promise<SinkSession> {
    const { saver, logger, pipeline } = this.#options;
    await this.#closeIdleSinks();
    const sink = sinkOf(saver, info);
    return this.#persist(`the sink ${sink.kind}`, signal, () =>
      sink.open({
        run: info,
        stage: saver.name,
        schema: saver.from.schema,
        logger: logger.child({ pipeline: pipeline.name, run: info.id, stage: saver.name }),
      }),
    );
  }

  async #closeIdleSinks(): Promise<void> {
    const idle = [...this.#runs].filter(([, { session, working }]) => session && !working);
    for (const [run, { session }] of idle.slice(0, Math.max(0, idle.length - MAX_OPEN_SINKS + 1))) {
      this.#runs.delete(run);
      await session?.close();
    }
  }

  async #save(
    session: SinkSession,
    chunks: readonly ChunkToSave[],
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#validates) {
      for (const chunk of chunks) {
        await this.#bury(chunk, chunk.validate(this.#options.saver.from.schema));
      }
    }
    const committed = await this.#commit(session, chunks, signal);
    await Promise.all(
      committed.map(async ({ receipt }, at) => {
        const { delivery } = chunks[at] as ChunkToSave;
        await this.#receipts.send(delivery.envelope.run, receipt);
        delivery.ack();
      }),
    );
  }

  async #commit(
    session: SinkSession,
    chunks: readonly ChunkToSave[],
    signal: AbortSignal,
  ): Promise<readonly Committed[]> {
    for (;;) {
      try {
        return await this.#persist('the sink', signal, () =>
          session.commit(chunks.map((chunk) => chunk.toSinkChunk(0))),
        );
      } catch (error) {
        if (!(error instanceof SinkRejection)) throw error;
        if (error.rejected.length === 0) throw error;
        for (const chunk of chunks) {
          const rejected = error.rejected.filter((each) => each.chunk === chunk.id);
          await this.#bury(chunk, chunk.reject(rejected));
        }
      }
    }
  }

  /** Tries until it works: a sink that is away makes the run wait, and the log says why. */
  async #persist<T>(what: string, signal: AbortSignal, action: () => Promise<T>): Promise<T> {
    const { logger } = this.#options;
    for (let failures = 1; ; failures++) {
      signal.throwIfAborted();
      try {
        const result = await action();
        if (failures > 1) logger.info(`${what} is back`);
        return result;
      } catch (error) {
        if (error instanceof LeatError) throw error;
        const retryInMs = backoffMs(SINK_BACKOFF, failures, Math.random());
        logger.warn({ retryInMs }, `${what} is not available, waiting: ${messageOf(error)}`);
        await wait(retryInMs, signal);
      }
    }
  }

  async #bury(
    chunk: ChunkToSave,
    letters: readonly Omit<DeadLetter, 'pipeline' | 'stage' | 'at'>[],
  ): Promise<void> {
    const { connection, pipeline, saver, abort } = this.#options;
    const at = new Date().toISOString();
    await buryAll(
      connection,
      letters.map((letter) => ({ ...letter, pipeline: pipeline.name, stage: saver.name, at })),
      chunk.delivery.envelope.sending,
      abort,
    );
  }
}

/** @throws LeatError `sink-unfit` if the user's function throws: it would do so for ever */
function sinkOf(saver: Saver, run: RunInfo): Sink<never> {
  try {
    const sink: Sink<never> | undefined = saver.sink(run);
    if (typeof sink?.open === 'function') return sink;
    throw new TypeError('the function gives no sink');
  } catch (error) {
    if (error instanceof LeatError) throw error;
    throw new LeatError(
      'sink-unfit',
      `The saver ${saver.name} has no sink for the run ${run.id}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
