import { fateOf, isA, LeatError, messageOf, recordsOf } from '@leat/core';
import type { Mapper, Pipeline } from '@leat/sdk';
import {
  type Delivery,
  type KnownRun,
  KnownRuns,
  type LogFormat,
  type Logger,
  type PipelineConnection,
  type Publishing,
  ReceiptSender,
  StageTelemetry,
  type Telemetry,
  wait,
} from '@leat/runtime';
import { GuardedExecutor } from './guarded-executor.ts';
import type { JobResult, ServiceJob } from './job.ts';
import { Pace } from './pace.ts';
import { passOn, type PassOnOptions } from './pass-on.ts';
import { Waits } from './waits.ts';

/** As much of a `PipelineConnection` as a mapper uses. */
type MapperConnection = Publishing & Pick<PipelineConnection, 'runs' | 'queues'>;

export interface MapperServiceOptions {
  readonly connection: MapperConnection;
  readonly pipeline: Pipeline;
  readonly mapper: Mapper;
  /** Needed for worker threads, which load it again. */
  readonly pipelineFile?: string;
  readonly logger: Logger;
  readonly log: { readonly format: LogFormat; readonly level: string };
  /** The version of the user's code, for the run's report. */
  readonly codeVersion?: string | undefined;
  readonly telemetry?: Telemetry | undefined;
  /** Stops pulling and finishes what is in hand. */
  readonly stop: AbortSignal;
  /** Gives back what is in hand. */
  readonly abort: AbortSignal;
}

/** How long a stop lets records wait to be tried again. */
const PATIENCE_MS = 5_000;
const LOOK_MS = 100;

/** Hosts one mapper: pulls chunks, works on them, passes the results on; until it is told to stop. */
export async function runMapper(options: MapperServiceOptions): Promise<void> {
  const { connection, pipeline, mapper, logger, stop } = options;
  const { chunkSize } = pipeline.fetcher;
  const { pipelineFile, log } = options;
  const executor = new GuardedExecutor(mapper, { chunkSize, pipelineFile, logger, log });
  const service = new MapperService(options, executor);
  try {
    await connection.queues.receive({
      stage: mapper.name,
      telemetry: new StageTelemetry(mapper.name, options.telemetry),
      slots: service.pace.slots,
      // In threads, the function blocks nobody else.
      blockLimitMs: mapper.threads === 0 ? mapper.timeoutMs : undefined,
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
  readonly pace: Pace;
  readonly #abort: AbortSignal;
  readonly #logger: Logger;
  readonly #executor: GuardedExecutor;
  readonly #runs: KnownRuns;
  readonly #waits: Waits;
  readonly #passOn: PassOnOptions;
  readonly #inHand = new Set<Promise<void>>();
  /** Gives back what is in hand and waits. */
  readonly #leave = new AbortController();

  constructor(options: MapperServiceOptions, executor: GuardedExecutor) {
    const { connection, pipeline, mapper, codeVersion, logger, abort } = options;
    const { runs } = connection;
    const stage = mapper.name;
    this.#abort = abort;
    this.#logger = logger;
    this.#executor = executor;
    // Threads share nothing: how many chunks each has was said when they were made.
    this.pace = new Pace(executor.parallel, mapper.threads === 0 ? mapper.concurrency : 0);
    const leave = AbortSignal.any([abort, this.#leave.signal]);
    this.#runs = new KnownRuns({ runs, pipeline, stage, codeVersion, abort: leave, logger });
    const note = (run: string, reason: string): void => this.#runs.noteWait(run, reason);
    this.#waits = new Waits({ logger, note });
    const receipts = new ReceiptSender(connection, abort);
    this.#passOn = { connection, spec: pipeline.spec, stage, receipts, abort };
  }

  take(delivery: Delivery): void {
    const work = this.#workOn(delivery);
    this.#inHand.add(work);
    void work.finally(() => this.#inHand.delete(work));
  }

  /** Waits until nothing is in hand. What waits for somebody who is busy is given back: it may wait for ever. */
  async idle(): Promise<void> {
    const over = new AbortController();
    const waiting = this.#leaveWaits(over.signal);
    await Promise.all(this.#inHand);
    over.abort();
    await waiting;
    this.#waits.close();
    this.#runs.close();
  }

  async #leaveWaits(signal: AbortSignal): Promise<void> {
    const begin = performance.now();
    while (!signal.aborted) {
      await wait(LOOK_MS, signal).catch(() => undefined);
      const isPatient = performance.now() - begin < PATIENCE_MS;
      if (isPatient || this.#waits.chunks < this.#inHand.size) continue;
      const reason = 'The service stops, and what it has in hand waits to be tried again.';
      this.#leave.abort(new LeatError('run-state', reason));
      return;
    }
  }

  async #workOn(delivery: Delivery): Promise<void> {
    const { telemetry, deliveries } = delivery;
    const startedAt = performance.now();
    try {
      const run = await this.#runs.admit(delivery);
      if (run === undefined) return;
      const { id, envelope } = delivery;
      const job = { ...jobOf(delivery, run), onWait: this.#waits.of(envelope.run, id) };
      this.pace.came(job.records);
      const result = await telemetry.within(() => this.#executor.run(job, deliveries, run.signal));
      await passOn(this.#passOn, delivery, result, run.fence);
      telemetry.became({ ...result, out: recordsOut(result) });
      delivery.ack();
      this.pace.done(startedAt);
    } catch (error) {
      this.#giveUp(delivery, error);
    } finally {
      this.#waits.end(delivery.envelope.run, delivery.id);
    }
  }

  /** Lets go of a chunk on which work ended with an error. */
  #giveUp({ envelope, id, telemetry, drop, giveBack }: Delivery, error: unknown): void {
    const fields = { run: envelope.run, chunk: id };
    const { outcome, delayMs, isFault } = fateOf(error, this.#abort.aborted);
    if (!isFault) {
      this.#logger.debug(fields, `chunk given back: ${messageOf(error)}`);
    } else {
      telemetry.failed(error);
      this.#tell(envelope.run, fields, error, outcome.replace('-', ' '));
    }
    if (outcome === 'dropped') drop(messageOf(error));
    else giveBack(delayMs);
  }

  /** Tells the log and the run's troubles why a chunk is given back. */
  #tell(run: string, fields: object, error: unknown, became: string): void {
    const reason = messageOf(error);
    if (isA(error, LeatError) && error.code === 'invalid-pipeline') {
      this.#runs.tellTrouble(run, reason);
    } else {
      this.#logger.error({ err: error, ...fields }, `chunk ${became}`);
      this.#runs.noteWait(run, `chunks are ${became}: ${reason}`);
    }
  }
}

function jobOf(
  { envelope, id, body, telemetry }: Delivery,
  { info, given, identity }: KnownRun,
): ServiceJob {
  const { position, origins, counts } = envelope;
  return {
    run: info,
    given,
    limits: identity.limits,
    chunk: id,
    body,
    records: recordsOf(counts),
    position,
    trace: telemetry.headers,
    ...(origins && { origins }),
  };
}

function recordsOut({ pieces }: JobResult): number {
  return pieces.reduce((sum, { records }) => sum + records, 0);
}
