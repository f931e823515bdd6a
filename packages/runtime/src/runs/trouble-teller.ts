import { messageOf } from '@leat/core';
import type { RunNotes } from './run-notes.ts';
import type { Logger } from '@leat/sdk';

/** How often one trouble is told while it lasts. */
const TELL_MS = 10_000;

/**
 * Tells why a stage cannot work on a run: once in the log, and now and then beside the run for `leat
 * status`, as long as it lasts. Every chunk has the same trouble.
 */
export class TroubleTeller {
  readonly #notes: RunNotes;
  readonly #stage: string;
  readonly #logger: Logger;
  /** By run, what was told last, and when by `performance.now()`. */
  readonly #told = new Map<string, { readonly reason: string; readonly at: number }>();

  constructor(notes: RunNotes, stage: string, logger: Logger) {
    this.#notes = notes;
    this.#stage = stage;
    this.#logger = logger;
  }

  /**
   * Logs a trouble, and notes it beside the run.
   *
   * @param reason a whole sentence that says what to do
   */
  tell(run: string, reason: string): void {
    // The log keeps what it was told; beside the run it is forgotten after a while.
    if (this.#told.get(run)?.reason !== reason) this.#logger.error({ run }, reason);
    this.note(run, reason);
  }

  /**
   * Notes a trouble beside the run only: the caller has logged it.
   *
   * @param fence one that a sink has, and the run's fetcher has to rise above
   */
  note(run: string, reason: string, fence?: number): void {
    const last = this.#told.get(run);
    const at = performance.now();
    if (last?.reason === reason && at - last.at < TELL_MS) return;
    this.#told.delete(run);
    this.#told.set(run, { reason, at });
    const [oldest] = this.#told.keys();
    if (this.#told.size > 100 && oldest !== undefined) this.#told.delete(oldest);
    const trouble = {
      stage: this.#stage,
      reason,
      at: new Date().toISOString(),
      ...(fence !== undefined && { fence }),
    };
    this.#notes.tellTrouble(run, trouble).catch((error: unknown) => {
      this.#logger.debug({ run }, `trouble not told: ${messageOf(error)}`);
    });
  }
}
