import type { Logger } from '@leat/sdk';

export interface LongWaitsOptions {
  readonly logger: Logger;
  /** Notes beside a run what it waits for. */
  readonly note: (run: string, reason: string) => void;
}

/**
 * Says what a run has waited for too long: beside the run each time, so that `leat status` goes on showing it, and in
 * the log only when the wait has doubled.
 */
export class LongWaits {
  readonly #options: LongWaitsOptions;
  /** By run, how long the wait is when the log mentions it again. */
  readonly #logAtMs = new Map<string, number>();

  constructor(options: LongWaitsOptions) {
    this.#options = options;
  }

  /**
   * @param sentence for what, and since when
   * @param fields of the line in the log, beside the run
   */
  tell(run: string, waitedMs: number, sentence: string, fields: object = {}): void {
    this.#options.note(run, sentence);
    if (waitedMs < (this.#logAtMs.get(run) ?? 0)) return;
    this.#logAtMs.set(run, 2 * waitedMs);
    this.#options.logger.warn({ run, ...fields, waitedMs }, sentence);
  }

  /** The run does not wait any more. */
  end(run: string): void {
    this.#logAtMs.delete(run);
  }

  /** The runs that waited. */
  get runs(): readonly string[] {
    return [...this.#logAtMs.keys()];
  }
}
