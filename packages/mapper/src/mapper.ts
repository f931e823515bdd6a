import {
  addCounts,
  childId,
  copiedCounts,
  type Counts,
  divideCounts,
  formatChunkId,
  LeatError,
  movingAverage,
  readersOf,
  recordsOf,
  wantedSlots,
} from '@leat/core';
import type { Mapper, Pipeline } from '@leat/sdk';
import {
  buryAll,
  type Delivery,
  type LogFormat,
  type Logger,
  type PipelineConnection,
  receiveChunks,
  ReceiptSender,
  runInfoCache,
  sendChunk,
  Slots,
} from '@leat/sdk/internal';
import { createExecutor, type Executor } from './executor.ts';
import type { JobResult } from './job.ts';

/** A chunk of a run that nobody knows is given back this often before it is dropped. */
const MAX_UNKNOWN_DELIVERIES = 20;
const UNKNOWN_RUN_DELAY_MS = 2_000;
/** After an error of Leat's own making, so that it does not go round and round at full speed. */
const TROUBLE_DELAY_MS = 1_000;

export interface MapperServiceOptions {
  readonly connection: PipelineConnection;
  readonly pipeline: Pipeline;
  readonly mapper: Mapper;
  /** Needed for worker threads, which load it again. */
  readonly pipelineFile?: string;
  readonly logger: Logger;
  readonly log: { readonly format: LogFormat; readonly level: string };
  /** Stops pulling and finishes what is in hand. */
  readonly stop: AbortSignal;
  /** Gives back what is in hand. */
  readonly abort: AbortSignal;
}

/** Hosts one mapper: pulls chunks, works on them, passes the results on; until it is told to stop. */
export async function runMapper(options: MapperServiceOptions): Promise<void> {
  const { connection, pipeline, mapper, logger, stop } = options;
  const { chunkSize, maxBytes } = pipeline.fetcher;
  const executor = createExecutor(mapper, {
    limits: { chunkSize, maxBytes },
    pipelineFile: options.pipelineFile,
    logger,
    log: options.log,
  });
  const service = new MapperService(options, executor);
  try {
    await receiveChunks({
      connection,
      stage: mapper.name,
      slots: service.slots,
      handle: (delivery) => service.take(delivery),
      signal: stop,
      logger,
    });
    await service.idle();
  } finally {
    await executor.close();
  }
}

class MapperService {
  readonly slots: Slots;
  readonly #options: MapperServiceOptions;
  readonly #executor: Executor;
  readonly #receipts: ReceiptSender;
  readonly #runOf: ReturnType<typeof runInfoCache>;
  readonly #readers: readonly string[];
  readonly #inHand = new Set<Promise<void>>();
  #chunkMs: number | undefined;
  #lastDoneAt = 0;

  constructor(options: MapperServiceOptions, executor: Executor) {
    const { connection, pipeline, mapper, abort } = options;
    this.#options = options;
    this.#executor = executor;
    this.slots = new Slots(executor.parallel);
    this.#receipts = new ReceiptSender(connection, abort);
    this.#runOf = runInfoCache(connection.runs);
    this.#readers = readersOf(pipeline.spec, mapper.name).map(({ name }) => name);
  }

  take(delivery: Delivery): void {
    const work = this.#workOn(delivery);
    this.#inHand.add(work);
    void work.finally(() => this.#inHand.delete(work));
  }

  /** Waits until nothing is in hand. */
  async idle(): Promise<void> {
    await Promise.all(this.#inHand);
  }

  async #workOn(delivery: Delivery): Promise<void> {
    const { abort, logger } = this.#options;
    const { envelope } = delivery;
    const startedAt = performance.now();
    try {
      const run = await this.#runOf(envelope.run);
      if (run === undefined) {
        this.#refuseUnknownRun(delivery);
        return;
      }
      const { position, origins, counts } = envelope;
      const chunk = formatChunkId(envelope.chunk);
      const records = recordsOf(counts);
      const body = delivery.body;
      const job = { run, chunk, body, records, position, ...(origins && { origins }) };
      const result = await this.#executor.run(job, abort);
      await this.#passOn(delivery, result);
      delivery.ack();
      this.#paceBy(startedAt);
    } catch (error) {
      if (abort.aborted) {
        delivery.giveBack();
      } else if (error instanceof LeatError && error.code === 'invalid-message') {
        logger.error({ err: error, run: envelope.run }, 'message dropped');
        delivery.drop(error.message);
      } else {
        logger.error(
          { err: error, run: envelope.run, chunk: formatChunkId(envelope.chunk) },
          'chunk given back',
        );
        delivery.giveBack(TROUBLE_DELAY_MS);
      }
    }
  }

  /** Everything that came of a chunk is stored before the chunk is acknowledged. */
  async #passOn({ envelope }: Delivery, result: JobResult): Promise<void> {
    const { connection, pipeline, mapper, abort } = this.#options;
    const chunk = formatChunkId(envelope.chunk);
    const at = new Date().toISOString();
    await buryAll(
      connection,
      result.dead.map((dead) => ({
        pipeline: pipeline.name,
        run: envelope.run,
        stage: mapper.name,
        chunk,
        at,
        ...dead,
      })),
      envelope.sending,
      abort,
    );
    const counts: Counts = addCounts(envelope.counts, {
      in: 0,
      expanded: result.expanded,
      filtered: result.filtered,
      dead: result.dead.length,
      retries: result.retries,
    });
    if (result.pieces.length === 0) {
      await this.#receipts.send(envelope.run, { chunk, counts, digest: '' });
      return;
    }
    const shares = divideCounts(
      counts,
      result.pieces.map(({ records }) => records),
    );
    await Promise.all(
      result.pieces.flatMap((piece, place) => {
        const id = childId(envelope.chunk, place, result.pieces.length);
        const share = shares[place] as Counts;
        return this.#readers.map((reader, nth) =>
          sendChunk(
            connection,
            reader,
            {
              run: envelope.run,
              chunk: childId(id, nth, this.#readers.length),
              counts: nth === 0 ? share : copiedCounts(share),
              position: envelope.position,
              origins: piece.origins,
              sending: envelope.sending,
            },
            piece.body,
            abort,
          ),
        );
      }),
    );
  }

  #refuseUnknownRun(delivery: Delivery): void {
    const { logger } = this.#options;
    const { run } = delivery.envelope;
    if (delivery.deliveries < MAX_UNKNOWN_DELIVERIES) {
      delivery.giveBack(UNKNOWN_RUN_DELAY_MS);
      return;
    }
    logger.error({ run }, 'chunk of an unknown run dropped');
    delivery.drop('unknown run');
  }

  /** Adapts how much is held to how long a chunk takes. */
  #paceBy(startedAt: number): void {
    const now = performance.now();
    const { parallel } = this.#executor;
    const sinceLastMs = now - Math.max(startedAt, this.#lastDoneAt);
    this.#lastDoneAt = now;
    this.#chunkMs = movingAverage(this.#chunkMs, sinceLastMs * parallel);
    this.slots.setLimit(wantedSlots(parallel, this.#chunkMs));
  }
}
