import {
  type DeadTolerance,
  type DeathToll,
  lookForBurst,
  type RunWish,
  whyTooManyDead,
} from '@leat/core';
import { Bell, type Logger, type Runs } from '@leat/runtime';
import type { RunBooks } from './run-books.ts';

/** How often it is looked what the operator wants: a wish takes hold within a second. */
const LOOK_MS = 500;

export interface RunControlOptions {
  readonly runs: Runs;
  readonly books: RunBooks;
  readonly maxDeadRecords: DeadTolerance | undefined;
  /** Told when the run goes on or is paused. */
  readonly onChange: () => void;
  /** Told twice a second while the run is paused. */
  readonly onPaused: () => Promise<void>;
  /** Told when the operator does not want the run any more. */
  readonly onCancel: () => void;
  readonly logger: Logger;
}

/**
 * Whether a run goes on, is paused or is cancelled: as its operator wishes. When more records are dead than
 * its pipeline tolerates, or most of those that were settled lately, the fetcher itself wishes that it is paused.
 */
export class RunControl {
  readonly #options: RunControlOptions;
  /** What the operator was last seen to want; nothing before the first look. */
  #wish: RunWish | undefined;
  /** Why the run must be paused, whatever its operator wants. */
  #excess: string | undefined;
  /** From which toll on a burst of dead records is looked out for. */
  #since: DeathToll | undefined;
  /** Whether the next look is due at once. */
  #isUrgent = false;
  readonly #bell = new Bell();

  constructor(options: RunControlOptions) {
    this.#options = options;
  }

  /** Whether it has been seen what the operator wants. */
  get isKnown(): boolean {
    return this.#wish !== undefined;
  }

  /** Whether chunks may be sent. */
  get mayGoOn(): boolean {
    return this.#wish === 'run' && this.#excess === undefined;
  }

  /** Looks whether too many records are dead; to be called when receipts have come. */
  check(): void {
    const { books, maxDeadRecords } = this.#options;
    if (books.isComplete) {
      // Nothing is left to send; and dead letters that are tried again can only become fewer.
      this.#excess = undefined;
      return;
    }
    if (this.#excess !== undefined) return;
    const { run, toll, standing } = books;
    this.#excess =
      maxDeadRecords === undefined
        ? this.#burst(run, toll)
        : whyTooManyDead(run, maxDeadRecords, toll, standing.tolerated);
    if (this.#excess === undefined) return;
    this.#isUrgent = true;
    this.#bell.ring();
  }

  #burst(run: string, toll: DeathToll): string | undefined {
    const { since, reason } = lookForBurst(run, this.#since ?? toll, toll);
    this.#since = since;
    return reason;
  }

  /** Looks what the operator wants, now and then, until told to stop. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#isUrgent = false;
      await this.#look().catch((error: unknown) => {
        this.#options.logger.debug({ err: error, run: this.#options.books.run }, 'wish not read');
      });
      await this.#bell.within(LOOK_MS, () => this.#isUrgent, signal).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const { runs, books, onPaused } = this.#options;
    const wish = await runs.wishes.get(books.run);
    if (wish !== this.#wish) this.#take(wish);
    this.check();
    if (this.#excess !== undefined && books.standing.reason === undefined) {
      // The replicas of all stages look at the wish.
      if (this.#wish === 'run' && (await runs.wishes.change(books.run, 'run', 'pause'))) {
        this.#take('pause');
      } else if (this.#wish === 'pause') {
        this.#pause();
      }
    }
    if (this.#wish === 'pause') await onPaused();
  }

  #take(wish: RunWish): void {
    const { books, onChange, onCancel } = this.#options;
    this.#wish = wish;
    if (wish === 'cancel') onCancel();
    else if (wish === 'pause') this.#pause();
    else if (books.standing.state === 'paused') this.#goOn();
    onChange();
  }

  #pause(): void {
    const { books, logger } = this.#options;
    const { tolerated, reason = this.#excess } = books.standing;
    books.setStanding({
      state: 'paused',
      ...(reason !== undefined && { reason }),
      ...(tolerated !== undefined && { tolerated }),
    });
    if (reason === undefined) logger.info({ run: books.run }, 'run paused');
    else logger.warn({ run: books.run }, `run paused: ${reason}`);
  }

  /** Who lets a run go on has seen its dead. */
  #goOn(): void {
    const { books, logger } = this.#options;
    this.#excess = undefined;
    books.setStanding({ state: 'running', tolerated: books.toll });
    logger.info({ run: books.run }, 'run goes on');
  }
}
