import {
  type ChunkInFlight,
  completedState,
  identityOf,
  isEnded,
  LeatError,
  Ledger,
  mostInFlight,
  reportOf,
  type RunReport,
  type RunRequest,
} from '@leat/core';
import type { Pipeline, RunInfo } from '@leat/sdk';
import { Bell, type Logger, type PipelineConnection, runInfoOf, wait } from '@leat/runtime';
import { Checkpointer } from './checkpointer.ts';
import { Feed } from './feed.ts';
import type { Lease } from './lease.ts';
import { Outbox } from './outbox.ts';
import { ReceiptIntake } from './receipt-intake.ts';
import { Redrive } from './redrive.ts';
import { RunControl } from './run-control.ts';
import { RunWitness } from './run-witness.ts';
import { untilSaversLetGo, whatIsNotKnown } from './until-savers-let-go.ts';
import { watchQueues } from './watch-queues.ts';

/** How often `onProgress` is told. */
const REPORT_MS = 200;

export interface ConductOptions {
  readonly connection: PipelineConnection;
  readonly pipeline: Pipeline;
  readonly request: RunRequest;
  readonly lease: Lease;
  /** The version of the user's code, for the run's report. */
  readonly codeVersion?: string | undefined;
  readonly logger: Logger;
  /** Stops sending, checkpoints, and gives the lease back. */
  readonly stop: AbortSignal;
  /** Told twice a second while the run rests. */
  readonly onResting?: () => Promise<void>;
  /** Told a few times a second how far the run has come. */
  readonly onProgress?: (report: RunReport) => void;
}

/** How a run was left. */
export interface Conducted {
  readonly report: RunReport;
  /** Why the run failed, if it did. */
  readonly error?: LeatError;
}

/**
 * Takes a run from where its ledger stands to its end, or until told to stop: sends chunks while there
 * is room in the window, takes receipts into the ledger, checkpoints, and sends again what is lost.
 *
 * @throws LeatError `lease-lost` if another fetcher has taken over; the run goes on there
 */
export async function conduct(options: ConductOptions): Promise<Conducted> {
  return new Conductor(options).run();
}

class Conductor {
  readonly #options: ConductOptions;
  readonly #ledger: Ledger;
  readonly #run: RunInfo<unknown>;
  readonly #outbox: Outbox;
  /** Aborted when the run has ended here, in whichever way. */
  readonly #over = new AbortController();
  /** Aborted when nothing is to be sent any more: when the run is over here, or before that, by a cancellation. */
  readonly #sending = new AbortController();
  readonly #checkpointer: Checkpointer;
  readonly #receipts: ReceiptIntake;
  readonly #control: RunControl;
  readonly #witness: RunWitness;
  readonly #bell = new Bell();
  readonly #fail = (error: unknown): void => {
    // What a cancellation breaks off says so.
    if (this.#sending.signal.aborted && !(error instanceof LeatError)) return;
    this.#end(error);
  };

  constructor(options: ConductOptions) {
    this.#options = options;
    const { request, connection, pipeline, lease, logger } = options;
    this.#ledger = new Ledger(lease.progress.ledger);
    this.#checkpointer = new Checkpointer({ ...options, ledger: this.#ledger });
    this.#run = runInfoOf(request, pipeline);
    const ring = (): void => this.#bell.ring();
    this.#outbox = new Outbox(
      {
        connection,
        pipeline,
        run: request.run,
        born: request.born,
        signal: this.#sending.signal,
      },
      this.#ledger,
      ring,
      this.#fail,
    );
    this.#receipts = new ReceiptIntake({
      connection,
      run: request.run,
      born: request.born,
      ledger: this.#ledger,
      checkpointer: this.#checkpointer,
      counts: (sink) => this.#witness.counts(sink),
      onTaken: () => {
        this.#control.check();
        ring();
      },
      onFailed: this.#fail,
      signal: this.#over.signal,
      logger,
    });
    this.#witness = new RunWitness({
      ...options,
      checkpointer: this.#checkpointer,
      onRefused: this.#fail,
    });
    this.#control = new RunControl({
      runs: connection.runs,
      ledger: this.#ledger,
      lease,
      checkpointer: this.#checkpointer,
      maxDeadRecords: pipeline.maxDeadRecords,
      onChange: ring,
      onResting: options.onResting ?? (() => Promise.resolve()),
      onCancel: () => this.#sending.abort(new RunCancelled()),
      logger,
    });
  }

  async run(): Promise<Conducted> {
    const { logger, stop, request } = this.#options;
    const ring = (): void => this.#bell.ring();
    stop.addEventListener('abort', ring, { once: true });
    try {
      this.#checkpointer.run(this.#over.signal).catch(this.#fail);
      this.#keepReporting().catch(this.#fail);
      this.#control.watch(this.#over.signal).catch(this.#fail);
      this.#witness.watch(this.#over.signal).catch(this.#fail);
      return await this.#goOn().catch((error: unknown) => this.#unlessCancelled(error));
    } catch (error) {
      const reason: unknown = this.#over.signal.aborted ? this.#over.signal.reason : error;
      if (!(reason instanceof LeatError)) throw reason;
      if (reason.code === 'lease-lost') throw reason;
      logger.error({ run: request.run }, reason.message);
      await this.#checkpointer.fail(reason.message);
      return { report: this.#report(), error: reason };
    } finally {
      stop.removeEventListener('abort', ring);
      this.#end();
      await this.#receipts.ended();
    }
  }

  /** Sends what is to be sent, until every chunk is settled or the fetcher has to stop. */
  async #goOn(): Promise<Conducted> {
    const { connection, logger, stop } = this.#options;
    const feed = this.#openFeed();
    await feed.recall();
    await this.#receipts.open();
    watchQueues({
      connection,
      run: this.#run.id,
      inFlight: () => this.#ledger.inFlight(),
      receipts: this.#receipts,
      onLost: (lost) => this.#sendAgain(feed, lost),
      signal: this.#sending.signal,
      logger,
    }).catch(this.#fail);
    const damage = await feed.sendAll(() => this.#untilRoom());
    await this.#until(() => this.#ledger.inFlightCount === 0);
    await this.#outbox.untilEmpty(stop);
    this.#sending.signal.throwIfAborted();
    const isRedriven = this.#ledger.isComplete && (await this.#redrive());
    await this.#until(() => this.#receipts.areConfirmed);
    this.#sending.signal.throwIfAborted();
    return this.#finish(isRedriven && this.#receipts.areConfirmed, damage);
  }

  /** Tries dead letters again, if that is wanted. @returns `false` if the fetcher has to stop before */
  async #redrive(): Promise<boolean> {
    const { connection, request, lease, stop, logger } = this.#options;
    const redrive = new Redrive({
      connection,
      request,
      fence: lease.fence,
      ledger: this.#ledger,
      checkpointer: this.#checkpointer,
      receipts: this.#receipts,
      mayGoOn: () => this.#control.mayGoOn,
      until: (isMet) => this.#until(isMet),
      onSent: () => this.#bell.ring(),
      onFailed: this.#fail,
      stop,
      signal: this.#sending.signal,
      logger,
    });
    return redrive.run();
  }

  #end(reason?: unknown): void {
    this.#sending.abort(reason);
    this.#over.abort(reason);
  }

  #openFeed(): Feed {
    const { pipeline, lease, request } = this.#options;
    return new Feed({
      pipeline,
      run: this.#run,
      limits: identityOf(request, pipeline.fetcher).limits,
      fence: lease.fence,
      ledger: this.#ledger,
      checkpointer: this.#checkpointer,
      outbox: this.#outbox,
      signal: this.#sending.signal,
    });
  }

  async #untilRoom(): Promise<boolean> {
    const { stop, pipeline, connection } = this.#options;
    const { window } = pipeline.fetcher;
    await this.#until(
      () =>
        this.#control.mayGoOn &&
        this.#ledger.inFlightCount <
          Math.min(window, mostInFlight(connection.maxPayload, this.#ledger.next)) &&
        !this.#outbox.isFull,
    );
    return !stop.aborted;
  }

  async #sendAgain(feed: Feed, lost: readonly ChunkInFlight[]): Promise<void> {
    const fields = { run: this.#run.id, chunks: lost.length, first: lost[0]?.seq };
    this.#options.logger.warn(fields, 'chunks lost, sending again');
    await feed.sendAgain(lost);
  }

  /** Waits for a condition that only receipts, publishes and signals change. */
  #until(isMet: () => boolean): Promise<void> {
    const { stop } = this.#options;
    return this.#bell.until(() => isMet() || stop.aborted, this.#sending.signal);
  }

  async #finish(isDone: boolean, damage: LeatError | undefined): Promise<Conducted> {
    await this.#witness.look();
    if (isDone) {
      await this.#checkpointer.end(completedState(this.#ledger.checkpoint()));
      await this.#cleanUp();
    } else if (damage !== undefined && this.#ledger.inFlightCount === 0) {
      await this.#checkpointer.fail(damage.message);
      this.#options.logger.error({ run: this.#run.id }, damage.message);
      return { report: this.#report(), error: damage };
    } else {
      await this.#checkpointer.giveBack();
    }
    return { report: this.#report() };
  }

  async #keepReporting(): Promise<void> {
    const { onProgress } = this.#options;
    if (onProgress === undefined) return;
    const { signal } = this.#over;
    while (!signal.aborted) {
      if (this.#control.isKnown) onProgress(this.#report());
      await wait(REPORT_MS, signal).catch(() => undefined);
    }
  }

  /** Ends a cancelled run with what is saved so far, and takes its messages off all queues. */
  async #unlessCancelled(error: unknown): Promise<Conducted> {
    const isCancelled = this.#sending.signal.reason instanceof RunCancelled;
    if (!isCancelled || this.#over.signal.aborted) throw error;
    const { connection, logger } = this.#options;
    logger.info({ run: this.#run.id }, 'run cancelled: waiting for what savers have begun');
    await this.#receipts.open();
    const left = await untilSaversLetGo({
      connection,
      run: this.#run.id,
      receiptsHeld: () => this.#receipts.held,
      signal: this.#over.signal,
      logger,
    });
    this.#over.signal.throwIfAborted();
    await this.#checkpointer.end('cancelled', whatIsNotKnown(left));
    await this.#cleanUp();
    return { report: this.#report() };
  }

  /** Removes what a finished run leaves on the server. */
  async #cleanUp(): Promise<void> {
    const { connection, logger } = this.#options;
    this.#end();
    await this.#receipts.ended();
    try {
      await connection.removeRun(this.#run.id);
    } catch (error) {
      logger.warn({ err: error, run: this.#run.id }, 'left-overs of the run not removed');
    }
  }

  #report(): RunReport {
    const { request, lease } = this.#options;
    const { progress, standing } = lease;
    if (isEnded(progress.state)) return reportOf(request, progress);
    const { fence, startedAt, updatedAt } = progress;
    const ledger = this.#ledger.checkpoint();
    const common = { ...standing, ...lease.witnessed, fence, startedAt, updatedAt };
    return reportOf(request, { ...common, ledger });
  }
}

/** Why a run is left that its operator does not want any more. */
class RunCancelled extends Error {}
