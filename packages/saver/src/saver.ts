import { backoffMs, LeatError, messageOf, type RetryPolicy } from '@leat/core';
import {
  type Committed,
  type Pipeline,
  type Saver,
  type SinkSession,
  SinkRejection,
} from '@leat/sdk';
import {
  buryAll,
  type DeadLetter,
  type Delivery,
  type Logger,
  type PipelineConnection,
  receiveChunks,
  ReceiptSender,
  runInfoCache,
  Slots,
  wait,
} from '@leat/sdk/internal';
import { ChunkToSave } from './chunk-to-save.ts';

/** Chunks in hand: those being committed, and as many waiting for the next commit. */
const SLOTS = 64;
/** Most chunks and bytes in one commit. */
const MAX_COMMIT_CHUNKS = 32;
const MAX_COMMIT_BYTES = 8 * 1024 * 1024;

/** A chunk of a run that nobody knows is given back this often before it is dropped. */
const MAX_UNKNOWN_DELIVERIES = 20;
const UNKNOWN_RUN_DELAY_MS = 2_000;

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
  readonly #runOf: ReturnType<typeof runInfoCache>;
  readonly #runs = new Map<string, RunQueue>();
  readonly #validates: boolean;
  readonly #unfit: AbortController;

  constructor(options: SaverServiceOptions, unfit: AbortController) {
    this.#options = options;
    this.#unfit = unfit;
    this.#receipts = new ReceiptSender(options.connection, options.abort);
    this.#runOf = runInfoCache(options.connection.runs);
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
    for (const { session } of this.#runs.values()) await session?.close();
  }

  /** Commits what waits, group by group: while one group is written the next one gathers. */
  async #drain(run: string, queue: RunQueue): Promise<void> {
    // Chunks that arrive in the same turn of the event loop go together.
    await Promise.resolve();
    while (queue.waiting.length > 0) {
      const group = takeGroup(queue.waiting);
      try {
        const session = await this.#sessionOf(run, queue, group);
        if (session !== undefined) await this.#save(session, group);
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

  async #sessionOf(
    run: string,
    queue: RunQueue,
    group: readonly ChunkToSave[],
  ): Promise<SinkSession | undefined> {
    if (queue.session !== undefined) return queue.session;
    const { saver, logger, pipeline } = this.#options;
    const info = await this.#runOf(run);
    if (info === undefined) {
      for (const { delivery } of group) {
        if (delivery.deliveries < MAX_UNKNOWN_DELIVERIES) delivery.giveBack(UNKNOWN_RUN_DELAY_MS);
        else delivery.drop('unknown run');
      }
      return undefined;
    }
    await this.#closeIdleSinks();
    const sink = saver.sink(info);
    queue.session = await this.#persist(`the sink ${sink.kind}`, () =>
      sink.open({
        run: info,
        stage: saver.name,
        schema: saver.from.schema,
        logger: logger.child({ pipeline: pipeline.name, run, stage: saver.name }),
      }),
    );
    return queue.session;
  }

  async #closeIdleSinks(): Promise<void> {
    const idle = [...this.#runs].filter(([, { session, working }]) => session && !working);
    for (const [run, { session }] of idle.slice(0, Math.max(0, idle.length - MAX_OPEN_SINKS + 1))) {
      this.#runs.delete(run);
      await session?.close();
    }
  }

  async #save(session: SinkSession, group: readonly ChunkToSave[]): Promise<void> {
    const chunks = group.filter((chunk) => {
      if (chunk.isWhole()) return true;
      this.#options.logger.error(
        { chunk: chunk.id },
        'message dropped: not as many lines as records',
      );
      chunk.delivery.drop('not as many lines as records');
      return false;
    });
    if (chunks.length === 0) return;
    if (this.#validates) {
      for (const chunk of chunks) {
        await this.#bury(chunk, chunk.validate(this.#options.saver.from.schema));
      }
    }
    const committed = await this.#commit(session, chunks);
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
  ): Promise<readonly Committed[]> {
    for (;;) {
      try {
        return await this.#persist('the sink', () =>
          session.commit(chunks.map((chunk) => chunk.toSinkChunk())),
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
  async #persist<T>(what: string, action: () => Promise<T>): Promise<T> {
    const { abort, logger } = this.#options;
    for (let failures = 1; ; failures++) {
      abort.throwIfAborted();
      try {
        const result = await action();
        if (failures > 1) logger.info(`${what} is back`);
        return result;
      } catch (error) {
        if (error instanceof LeatError) throw error;
        const retryInMs = backoffMs(SINK_BACKOFF, failures, Math.random());
        logger.warn({ retryInMs }, `${what} is not available, waiting: ${messageOf(error)}`);
        await wait(retryInMs, abort);
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

function takeGroup(waiting: ChunkToSave[]): ChunkToSave[] {
  let bytes = 0;
  let count = 0;
  while (count < waiting.length && count < MAX_COMMIT_CHUNKS) {
    bytes += (waiting[count] as ChunkToSave).bytes;
    if (count > 0 && bytes > MAX_COMMIT_BYTES) break;
    count++;
  }
  return waiting.splice(0, count);
}
