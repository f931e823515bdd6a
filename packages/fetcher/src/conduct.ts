import { identityOf, LeatError, type RunReport, type RunState, WINDOW_RULES } from '@leat/core';
import { runInfoOf } from '@leat/runtime';
import { Checkpointer } from './checkpointer.ts';
import type { Conducted, ConductOptions } from './conduct-options.ts';
import { callHooks } from './end-hooks.ts';
import { Feed } from './feed.ts';
import { removeLeftOvers } from './left-overs.ts';
import { Outbox } from './outbox.ts';
import { ReceiptIntake } from './receipt-intake.ts';
import { Redrive } from './redrive.ts';
import { RunBooks } from './run-books.ts';
import { RunControl } from './run-control.ts';
import { RunLife } from './run-life.ts';
import { RunWitness } from './run-witness.ts';
import { ReadingStopped } from './run-source.ts';
import { SourceSilence } from './source-silence.ts';
import type { SenderOptions } from './send.ts';
import { tellProgress } from './tell-progress.ts';
import { Window } from './window.ts';
import { untilSaversFinish, whatIsNotKnown } from './until-savers-finish.ts';

/**
 * Takes a run from where its ledger stands to its end, or until told to stop: sends chunks while there
 * is room in the window, takes receipts into the ledger, checkpoints, and sends again what is lost.
 *
 * @throws LeatError `lease-lost` if another fetcher has taken over; the run goes on there
 */
export async function conduct(options: ConductOptions): Promise<Conducted> {
  return new Conductor(options).run();
}

/**
 * One run under this fetcher's lease. It goes through four phases:
 *
 * ```text
 *  recall ───> feed ───> redrive ───> close ───> completed
 *                │                      ├──────> failed, the dataset is damaged
 *                └──────────────────────┴──────> given back, at a stop
 * ```
 *
 * - **recall** reads what an earlier fetcher has sent, from the watermark on, and sends nothing. It ends when
 *   each chunk in flight is known again.
 * - **feed** sends the rest of the dataset, and again what is lost. It ends when the source has ended and all
 *   is settled; when the source is damaged and all before the damage is settled; or at a stop.
 * - **redrive** tries dead letters again, as long as their operator wishes it. It begins only when the whole
 *   dataset is settled, and ends when no wish is left, or at a stop.
 * - **close** waits until it is noted which dead letters count, and writes the books for the last time here.
 *   Before an end is written down, in whichever phase, the hooks of the pipeline are called: see `callHooks`.
 *
 * Three things may happen in any phase:
 *
 * - **cancelled**: nothing is sent any more. When savers have finished what they had begun, the run ends with
 *   what is saved.
 * - **failed**: an error that is a `LeatError` ends the run with its sentence.
 * - **left**: the lease is lost, or an error is of another kind. Nothing is written: the run goes on elsewhere.
 *
 * A paused run stays in its phase and sends nothing; see {@link RunControl}. Receipts are taken from feed on,
 * and the books are written down in all phases.
 */
class Conductor {
  readonly #options: ConductOptions;
  readonly #books: RunBooks;
  readonly #sender: SenderOptions;
  readonly #life: RunLife;
  readonly #checkpointer: Checkpointer;
  readonly #witness: RunWitness;
  readonly #control: RunControl;
  readonly #outbox: Outbox;
  readonly #receipts: ReceiptIntake;
  readonly #window: Window;
  readonly #silence: SourceSilence;

  constructor(options: ConductOptions) {
    this.#options = options;
    const { request, connection, pipeline, lease, telemetry, logger } = options;
    const { run, born } = request;
    const books = new RunBooks(request, lease.progress);
    const life = new RunLife(options.stop);
    this.#books = books;
    this.#life = life;
    this.#sender = { connection, pipeline, run, born, telemetry, signal: life.sending };
    this.#checkpointer = new Checkpointer({ ...options, books });
    const onRefused = (refusal: LeatError): void => life.fail(refusal);
    const onFence = (fence: number): void => lease.riseAbove(fence);
    this.#witness = new RunWitness({ ...options, books, onRefused, onFence });
    this.#control = new RunControl({
      runs: connection.runs,
      books,
      maxDeadRecords: pipeline.maxDeadRecords,
      onChange: () => life.bell.ring(),
      onPaused: options.onPaused ?? (() => Promise.resolve()),
      onCancel: () => life.cancel(),
      logger,
    });
    this.#silence = new SourceSilence({ run, fetcher: pipeline.fetcher.name, connection, logger });
    this.#outbox = new Outbox(life);
    this.#receipts = new ReceiptIntake({
      connection,
      run,
      born,
      books,
      checkpointer: this.#checkpointer,
      counts: (sink) => this.#witness.counts(sink),
      onTaken: () => {
        this.#control.check();
        life.bell.ring();
      },
      life,
      logger,
    });
    this.#window = new Window({
      connection,
      books,
      receipts: this.#receipts,
      limit: pipeline.fetcher.window,
      rules: options.windowRules ?? WINDOW_RULES,
      onChange: (size) => {
        life.bell.ring();
        options.onWindow?.(size);
      },
      logger,
    });
  }

  async run(): Promise<Conducted> {
    const { logger, request } = this.#options;
    const { over } = this.#life;
    try {
      if (this.#options.lease.refusal !== undefined) throw this.#options.lease.refusal;
      for (const beside of this.#besides()) this.#watch(beside);
      return await this.#goOn().catch((error: unknown) => this.#unlessCancelled(error));
    } catch (error) {
      const reason: unknown = over.aborted ? over.reason : error;
      if (!(reason instanceof LeatError)) throw reason;
      if (reason.code === 'lease-lost') throw reason;
      logger.error({ run: request.run }, reason.message);
      return await this.#fail(reason);
    } finally {
      this.#life.end();
      await this.#receipts.ended();
    }
  }

  /** What goes on beside all phases. */
  #besides(): Promise<void>[] {
    const { over } = this.#life;
    const { onProgress } = this.#options;
    return [
      this.#checkpointer.run(over),
      tellProgress(() => this.#control.isKnown && this.#report(), onProgress, over),
      this.#control.watch(over),
      this.#witness.watch(over),
      this.#silence.watch(over),
    ];
  }

  /** What fails beside a phase ends the run. */
  #watch(beside: Promise<void>): void {
    beside.catch((error: unknown) => this.#life.fail(error));
  }

  async #goOn(): Promise<Conducted> {
    const feed = await this.#recall();
    if (feed === undefined) return this.#close(false, undefined);
    const damage = await this.#feed(feed);
    const isRedriven = await this.#redrive();
    return this.#close(isRedriven, damage);
  }

  /** @returns nothing if it was told to stop before */
  async #recall(): Promise<Feed | undefined> {
    const { pipeline, lease, request, logger } = this.#options;
    const feed = new Feed({
      sender: this.#sender,
      run: runInfoOf(request, pipeline),
      limits: identityOf(request, pipeline.fetcher).limits,
      fence: lease.fence,
      books: this.#books,
      outbox: this.#outbox,
      receipts: this.#receipts,
      stop: this.#life.stop,
      silence: this.#silence,
      logger,
    });
    try {
      await feed.recall();
      return feed;
    } catch (error) {
      if (error instanceof ReadingStopped) return undefined;
      throw error;
    }
  }

  /** @returns the error, if the source turned out to be damaged */
  async #feed(feed: Feed): Promise<LeatError | undefined> {
    const { stop, sending } = this.#life;
    await this.#receipts.open();
    this.#watch(feed.watch());
    this.#watch(this.#window.watch(this.#life.over));
    const damage = await feed.sendAll(() => this.#untilRoom());
    await this.#life.until(() => this.#books.inFlightCount === 0);
    await this.#outbox.untilEmpty(stop);
    sending.throwIfAborted();
    return damage;
  }

  /** @returns whether nothing is left to do */
  async #redrive(): Promise<boolean> {
    const { request, lease, logger } = this.#options;
    if (!this.#books.isComplete) return false;
    const redrive = new Redrive({
      sender: this.#sender,
      request,
      fence: lease.fence,
      books: this.#books,
      checkpointer: this.#checkpointer,
      outbox: this.#outbox,
      receipts: this.#receipts,
      mayGoOn: () => this.#control.mayGoOn,
      life: this.#life,
      logger,
    });
    return redrive.run();
  }

  /** @param isRedriven whether nothing is left to do */
  async #close(isRedriven: boolean, damage: LeatError | undefined): Promise<Conducted> {
    await this.#life.until(() => this.#receipts.areConfirmed);
    this.#life.sending.throwIfAborted();
    const isDone = isRedriven && this.#receipts.areConfirmed;
    await this.#witness.look();
    if (isDone) return this.#end(this.#books.completedState);
    if (damage !== undefined && this.#books.inFlightCount === 0) {
      this.#options.logger.error({ run: this.#books.run }, damage.message);
      return this.#fail(damage);
    }
    await this.#checkpointer.giveBack();
    return { report: this.#report() };
  }

  /** Ends the run otherwise than as failed, after its hooks. */
  async #end(state: RunState, reason?: string): Promise<Conducted> {
    if (await this.#callHooks(state, reason)) {
      await this.#checkpointer.end(state, reason);
      await this.#cleanUp();
    } else {
      await this.#checkpointer.giveBack();
    }
    return { report: this.#report() };
  }

  /** Ends the run as failed, after its hooks. */
  async #fail(error: LeatError): Promise<Conducted> {
    // Nothing is sent while they are called.
    this.#life.end(error);
    if (await this.#callHooks('failed', error.message, error)) {
      await this.#checkpointer.fail(error.message);
      return { report: this.#report(), error };
    }
    await this.#checkpointer.giveBack();
    return { report: this.#report() };
  }

  /** @returns whether it may end now; `false` if it was told to stop before all hooks were done */
  #callHooks(state: RunState, reason?: string, error?: LeatError): Promise<boolean> {
    const report = this.#books.reportOfEnd(this.#options.lease.progress, state, reason);
    return callHooks({ ...this.#options, checkpointer: this.#checkpointer }, { report, error });
  }

  /** Ends a cancelled run with what is saved so far, and takes its messages off all queues. */
  async #unlessCancelled(error: unknown): Promise<Conducted> {
    if (!this.#life.isCancelled) throw error;
    const { connection, logger } = this.#options;
    const { over } = this.#life;
    const { run } = this.#books;
    logger.info({ run }, 'run cancelled: waiting for what savers have begun');
    await this.#receipts.open();
    const left = await untilSaversFinish({
      connection,
      run,
      receiptsHeld: () => this.#receipts.held,
      signal: over,
      logger,
    });
    over.throwIfAborted();
    return this.#end('cancelled', whatIsNotKnown(left));
  }

  async #untilRoom(): Promise<boolean> {
    await this.#life.until(
      () => this.#control.mayGoOn && !this.#outbox.isFull && this.#window.hasRoom(),
    );
    return !this.#life.stop.aborted;
  }

  async #cleanUp(): Promise<void> {
    this.#life.end();
    await this.#receipts.ended();
    await removeLeftOvers(this.#options, this.#books.run);
  }

  #report(): RunReport {
    return this.#books.report(this.#options.lease.progress);
  }
}
