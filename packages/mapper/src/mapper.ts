import { fateOf, isA, LeatError, messageOf, offsetsOf, recordsOf, redrivenAt } from '@leat/core';
import type { Mapper, Pipeline } from '@leat/sdk';
import {
  type Delivery,
  type InlineStages,
  type KnownRun,
  KnownRuns,
  type LogFormat,
  type Logger,
  NotDone,
  type PipelineConnection,
  type PipelineStores,
  type Publishing,
  ReceiptSender,
  StageTelemetry,
  storesOf,
  type Telemetry,
  wait,
} from '@leat/runtime';
import { GuardedExecutor } from './guarded-executor.ts';
import { whileFewWait } from './few-waits.ts';
import type { JobResult, ServiceJob } from './job.ts';
import { JoinParts } from './join-parts.ts';
import { isJoin } from './join-stage.ts';
import { Pace } from './pace.ts';
import { passOn, type PassOnOptions } from './pass-on.ts';
import { Waits } from './waits.ts';

/** As much of a `PipelineConnection` as a mapper uses. */
type MapperConnection = Publishing & Pick<PipelineConnection, 'runs' | 'queues' | 'openStores'>;

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
  /** The inline stages below it; absent if there are none. */
  readonly inline?: InlineStages | undefined;
  /** The one run that is worked on. @defaultValue every run */
  readonly only?: string | undefined;
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
  const { connection, mapper, logger, stop } = options;
  const service = new MapperService(options, false);
  try {
    await connection.queues.receive({
      stage: mapper.name,
      telemetry: new StageTelemetry(mapper.name, options.telemetry),
      slots: service.pace.slots,
      handle: (delivery) => service.take(delivery),
      signal: stop,
      logger,
    });
    await service.idle();
  } finally {
    await service.close();
  }
}

/** Opens an inline mapper: it pulls nothing, and works on what is handed over to it. */
export function openInlineMapper(options: MapperServiceOptions): MapperService {
  return new MapperService(options, true);
}

/** A mapper at work, whether its chunks come from its queue or are handed over. */
export class MapperService {
  readonly pace: Pace;
  readonly #abort: AbortSignal;
  readonly #logger: Logger;
  readonly #executor: GuardedExecutor;
  readonly #stores: PipelineStores;
  readonly #runs: KnownRuns;
  readonly #waits: Waits;
  readonly #passOn: PassOnOptions;
  /** Puts parts together before they are worked on; only of a join. */
  readonly #join: JoinParts | undefined;
  readonly #blockLimitMs: number | undefined;
  /** Whether inline stages are worked on with its queue: only what comes by it may begin at one of them. */
  readonly #isHost: boolean;
  /** Whether chunks share what works on them; in threads each has its place. */
  readonly #isShared: boolean;
  readonly #inHand = new Set<Promise<void>>();
  /** Gives back what is in hand and waits. */
  readonly #leave = new AbortController();

  /** @internal Use `runMapper` or `openInlineMapper`. */
  constructor(options: MapperServiceOptions, isInline: boolean) {
    const { connection, pipeline, mapper, codeVersion, only, logger, abort, inline } = options;
    const { pipelineFile, log } = options;
    const { chunkSize } = pipeline.fetcher;
    const { runs } = connection;
    const stage = mapper.name;
    this.#abort = abort;
    this.#isHost = inline !== undefined && !isInline;
    this.#logger = logger;
    this.#stores = storesOf(pipeline, () => connection.openStores(), logger);
    const executor = { chunkSize, pipelineFile, logger, log, stores: this.#stores };
    this.#executor = new GuardedExecutor(mapper, executor);
    // In threads, the function blocks nobody else.
    this.#blockLimitMs = mapper.threads === 0 ? mapper.timeoutMs : undefined;
    // Threads share nothing: how many chunks each has was said when they were made.
    this.#isShared = mapper.threads === 0;
    this.pace = new Pace(this.#executor.parallel, this.#isShared ? mapper.concurrency : 0);
    const leave = AbortSignal.any([abort, this.#leave.signal]);
    this.#runs = new KnownRuns({
      runs,
      pipeline,
      stage,
      isInline,
      codeVersion,
      only,
      abort: leave,
      logger,
    });
    const note = (run: string, reason: string): void => this.#runs.noteWait(run, reason);
    this.#waits = new Waits({ logger, note });
    const receipts = new ReceiptSender(connection, abort);
    const { spec } = pipeline;
    this.#passOn = { connection, spec, stage, receipts, inline, abort };
    const own = spec.stages.find(({ name }) => name === stage);
    if (isJoin(own)) this.#join = new JoinParts({ connection, spec, stage: own, abort });
  }

  take(delivery: Delivery): void {
    const work = this.#workOn(delivery);
    this.#inHand.add(work);
    void work.finally(() => this.#inHand.delete(work));
  }

  /**
   * Waits until nothing is in hand. What waits for somebody who is busy is given back: it may wait for ever.
   *
   * @param noMore settles when nothing is handed over any more
   */
  async idle(noMore: Promise<unknown> = Promise.resolve()): Promise<void> {
    const over = new AbortController();
    const waiting = this.#leaveWaits(over.signal);
    await noMore;
    await Promise.all(this.#inHand);
    over.abort();
    await waiting;
  }

  async close(): Promise<void> {
    this.#waits.close();
    this.#runs.close();
    await this.#executor.close();
    await this.#stores.close();
  }

  async #leaveWaits(signal: AbortSignal): Promise<void> {
    const begin = performance.now();
    while (!signal.aborted) {
      await wait(LOOK_MS, signal).catch(() => undefined);
      const isPatient = performance.now() - begin < PATIENCE_MS;
      const { size } = this.#inHand;
      if (isPatient || size === 0 || this.#waits.chunks < size) continue;
      const reason = 'The service stops, and what it has in hand waits to be tried again.';
      this.#leave.abort(new LeatError('run-state', reason));
      return;
    }
  }

  async #workOn(delivery: Delivery): Promise<void> {
    const startedAt = performance.now();
    try {
      const run = await this.#runs.admit(delivery);
      if (run === undefined) return;
      const isBelow = this.#isHost && (await this.#passBelow(delivery, startedAt));
      if (isBelow) return;
      const whole = this.#join === undefined ? delivery : await this.#join.whole(delivery);
      if (whole !== undefined) await this.#work(whole, run, startedAt);
    } catch (error) {
      this.#giveUp(delivery, error);
    } finally {
      this.#waits.end(delivery.envelope.run, delivery.id);
    }
  }

  async #work(delivery: Delivery, run: KnownRun, startedAt: number): Promise<void> {
    const { id, envelope, telemetry } = delivery;
    const given = jobOf(delivery, run);
    this.pace.came(given.records);
    const tell = this.#waits.of(envelope.run, id);
    const pace = this.#isShared ? this.pace : undefined;
    const result = await whileFewWait(pace, given.records, tell, (onWait) =>
      this.#run(delivery, { ...given, onWait }, run.signal),
    );
    await this.#pass(startedAt, () => passOn(this.#passOn, delivery, result, run.fence));
    telemetry.became({ ...result, out: recordsOut(result) });
    delivery.ack();
    if (!this.#isHost) this.pace.done(startedAt);
  }

  /** Passes a chunk on, which the inline stages have meanwhile, if there are any. */
  async #pass(startedAt: number, pass: () => Promise<void>): Promise<void> {
    if (!this.#isHost) return pass();
    this.pace.handsOver(startedAt);
    try {
      return await pass();
    } finally {
      this.pace.handedOver();
    }
  }

  async #run(delivery: Delivery, job: ServiceJob, signal: AbortSignal): Promise<JobResult> {
    const { telemetry, deliveries } = delivery;
    const work = (): Promise<JobResult> => this.#executor.run(job, deliveries, signal);
    if (this.#blockLimitMs === undefined) return telemetry.within(work);
    const release = delivery.limitBlock(this.#blockLimitMs);
    try {
      return await telemetry.within(work);
    } finally {
      release();
    }
  }

  /** Hands a record straight over that an inline stage has given up, and that is tried again there. */
  async #passBelow(delivery: Delivery, startedAt: number): Promise<boolean> {
    const { inline, spec } = this.#passOn;
    const { envelope, body, telemetry } = delivery;
    const stage = inline && redrivenAt(spec, envelope.chunk);
    if (stage === undefined || inline?.has(stage) !== true) return false;
    const began = { ...envelope, trace: telemetry.headers };
    await this.#pass(startedAt, () => inline.handOver(stage, delivery, began, body));
    delivery.ack();
    return true;
  }

  /** Lets go of a chunk on which work ended with an error. */
  #giveUp({ envelope, id, telemetry, drop, giveBack }: Delivery, error: unknown): void {
    if (error instanceof NotDone) {
      if (error.outcome === 'dropped') drop(error.message);
      else giveBack(error.delayMs);
      return;
    }
    const fields = { run: envelope.run, chunk: id };
    const { outcome, delayMs, isFault } = fateOf(error, this.#abort.aborted, Math.random());
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
  const { position, origins, counts, regions } = envelope;
  const offsets = regions && offsetsOf(origins, regions);
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
    ...(offsets && { offsets }),
  };
}

function recordsOut({ pieces }: JobResult): number {
  return pieces.reduce((sum, { records }) => sum + records, 0);
}
