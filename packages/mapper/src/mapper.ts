import {
  addCounts,
  fanOut,
  formatChunkId,
  LeatError,
  movingAverage,
  newExecution,
  recordsOf,
  wantedSlots,
} from '@leat/core';
import type { Mapper, Pipeline } from '@leat/sdk';
import {
  bury,
  type DeadRecord,
  type Delivery,
  type Envelope,
  KnownRuns,
  type LogFormat,
  type Logger,
  type PipelineConnection,
  receiveChunks,
  ReceiptSender,
  sendOn,
  Slots,
  type StageMeter,
} from '@leat/runtime';
import { createExecutor, type Executor, ThreadDied } from './executor.ts';
import type { JobResult, ServiceJob } from './job.ts';
import { Quarantine, SUSPICIOUS_DELIVERIES } from './quarantine.ts';
import { TimedOut } from './watch.ts';

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
  /** The version of the user's code, for the run's report. */
  readonly codeVersion?: string | undefined;
  /** Stops pulling and finishes what is in hand. */
  readonly stop: AbortSignal;
  /** Gives back what is in hand. */
  readonly abort: AbortSignal;
}

/** Hosts one mapper: pulls chunks, works on them, passes the results on; until it is told to stop. */
export async function runMapper(options: MapperServiceOptions): Promise<void> {
  const { connection, pipeline, mapper, logger, stop } = options;
  const { chunkSize } = pipeline.fetcher;
  const { pipelineFile, log } = options;
  const executor = createExecutor(mapper, { chunkSize, pipelineFile, logger, log });
  const quarantine =
    pipelineFile === undefined
      ? undefined
      : new Quarantine({ pipelineFile, stage: mapper.name, log }, mapper.timeoutMs, logger);
  const service = new MapperService(options, executor, quarantine);
  try {
    await receiveChunks({
      connection,
      stage: mapper.name,
      slots: service.slots,
      // In threads, the function blocks nobody else.
      blockLimitMs: mapper.threads === 0 ? mapper.timeoutMs : undefined,
      handle: (delivery) => service.take(delivery),
      signal: stop,
      logger,
    });
    await service.idle();
  } finally {
    quarantine?.close();
    await executor.close();
  }
}

class MapperService {
  readonly slots: Slots;
  readonly #options: MapperServiceOptions;
  readonly #executor: Executor;
  readonly #quarantine: Quarantine | undefined;
  readonly #receipts: ReceiptSender;
  readonly #meter: StageMeter | undefined;
  readonly #runs: KnownRuns;
  readonly #inHand = new Set<Promise<void>>();
  #chunkMs: number | undefined;
  #lastDoneAt = 0;

  constructor(
    options: MapperServiceOptions,
    executor: Executor,
    quarantine: Quarantine | undefined,
  ) {
    const { connection, pipeline, mapper, logger, abort } = options;
    this.#options = options;
    this.#executor = executor;
    this.#quarantine = quarantine;
    this.#meter = connection.meter?.(mapper.name);
    this.slots = new Slots(executor.parallel, 1);
    this.#receipts = new ReceiptSender(connection, abort);
    this.#runs = new KnownRuns({
      runs: connection.runs,
      pipeline,
      stage: mapper.name,
      codeVersion: options.codeVersion,
      abort,
      logger,
    });
  }

  take(delivery: Delivery): void {
    const work = this.#workOn(delivery);
    this.#inHand.add(work);
    void work.finally(() => this.#inHand.delete(work));
  }

  /** Waits until nothing is in hand. */
  async idle(): Promise<void> {
    await Promise.all(this.#inHand);
    this.#runs.close();
  }

  async #workOn(delivery: Delivery): Promise<void> {
    const { abort, logger } = this.#options;
    const { envelope, span } = delivery;
    const startedAt = performance.now();
    try {
      const run = await this.#runs.admit(delivery);
      if (run === undefined) return;
      const { position, origins, counts } = envelope;
      const chunk = formatChunkId(envelope.chunk);
      const records = recordsOf(counts);
      const body = delivery.body;
      const { deliveries } = delivery;
      const trace = span?.headers;
      const job = {
        run: run.info,
        given: run.given,
        limits: run.identity.limits,
        chunk,
        body,
        records,
        position,
        trace,
        ...(origins && { origins }),
      };
      const result =
        span === undefined
          ? await this.#execute(job, deliveries, run.signal)
          : await span.within(() => this.#execute(job, deliveries, run.signal));
      span?.became(result);
      await this.#passOn(delivery, result, run.fence);
      delivery.ack();
      this.#meter?.work({ ...result, out: recordsOut(result) });
      this.#paceBy(startedAt);
    } catch (error) {
      if (abort.aborted) {
        delivery.giveBack();
      } else if (error instanceof LeatError && error.code === 'invalid-message') {
        logger.error({ err: error, run: envelope.run }, 'message dropped');
        span?.fail(error);
        delivery.drop(error.message);
      } else {
        const fields = { run: envelope.run, chunk: formatChunkId(envelope.chunk) };
        const isCancelled = error instanceof LeatError && error.code === 'run-state';
        if (isCancelled) logger.debug(fields, `chunk given back: ${error.message}`);
        else {
          logger.error({ err: error, ...fields }, 'chunk given back');
          span?.fail(error);
        }
        delivery.giveBack(TROUBLE_DELAY_MS);
      }
    }
  }

  /** Works on a chunk where it can do no harm, if it is suspected to kill whoever does, or did not end. */
  async #execute(job: ServiceJob, deliveries: number, signal: AbortSignal): Promise<JobResult> {
    const quarantine = this.#quarantine;
    if (quarantine === undefined) return this.#executor.run(job, signal);
    if (deliveries >= SUSPICIOUS_DELIVERIES) {
      return quarantine.run(job, `delivered ${deliveries} times`, signal);
    }
    try {
      return await this.#executor.run(job, signal);
    } catch (error) {
      if (!(error instanceof ThreadDied || error instanceof TimedOut)) throw error;
      return quarantine.run(job, error.message, signal);
    }
  }

  /** Everything that came of a chunk is stored before the chunk is acknowledged. */
  async #passOn({ envelope, span }: Delivery, result: JobResult, fence: number): Promise<void> {
    const { connection, pipeline, mapper, abort } = this.#options;
    const { chunk, source } = envelope;
    const buried = await this.#bury(envelope, result.dead);
    const counts = addCounts(envelope.counts, {
      in: 0,
      expanded: result.expanded,
      filtered: result.filtered,
      dead: result.dead.length,
      retries: result.retries,
    });
    if (result.pieces.length === 0) {
      await this.#receipts.send(envelope, {
        chunk: formatChunkId(chunk),
        counts,
        digest: '',
        fence,
        buried,
        ...(source !== undefined && { source }),
      });
      return;
    }
    const finished = { chunk, counts, buried };
    const children = fanOut(pipeline.spec, mapper.name, finished, result.pieces);
    await sendOn(connection, { ...envelope, trace: span?.headers }, children, abort);
  }

  /** Makes dead letters of records, and gives the executions that have buried records of the chunk so far. */
  async #bury(envelope: Envelope, records: readonly DeadRecord[]): Promise<readonly string[]> {
    const earlier = envelope.buried ?? [];
    if (records.length === 0) return earlier;
    const { connection, mapper, abort } = this.#options;
    const execution = newExecution(Math.random());
    await bury(connection, { stage: mapper.name, chunk: envelope, execution }, records, abort);
    return [...earlier, execution];
  }

  /** Adapts how much is held to how long a chunk takes. */
  #paceBy(startedAt: number): void {
    const now = performance.now();
    const { parallel } = this.#executor;
    const sinceLastMs = now - Math.max(startedAt, this.#lastDoneAt);
    this.#lastDoneAt = now;
    this.#chunkMs = movingAverage(this.#chunkMs, sinceLastMs * parallel);
    const wanted = wantedSlots(parallel, this.#chunkMs);
    // What is held ahead may run low before more is asked for; what is worked on may not.
    this.slots.setLimit(wanted, (wanted - parallel) >> 2);
  }
}

function recordsOut({ pieces }: JobResult): number {
  return pieces.reduce((sum, { records }) => sum + records, 0);
}
