import { LeatError } from '@leat/core';
import { Bell } from '@leat/runtime';

/** Why a run is left that its operator does not want any more. */
class RunCancelled extends Error {}

/** When a run's stay at this fetcher ends, and what is waited for until then. */
export class RunLife {
  /** Rung when receipts, publishes, the operator or a stop have changed something. */
  readonly bell: Bell = new Bell();
  /** Aborted when the fetcher has to leave the run for another replica, or for later. */
  readonly stop: AbortSignal;
  readonly #over = new AbortController();
  readonly #sending = new AbortController();

  constructor(stop: AbortSignal) {
    this.stop = stop;
    const options = { once: true, signal: this.#over.signal };
    stop.addEventListener('abort', () => this.bell.ring(), options);
  }

  /** Aborted when the run has ended here, in whichever way. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Aborted when nothing is to be sent any more: when the run is over here, or before that, by a cancellation. */
  get sending(): AbortSignal {
    return this.#sending.signal;
  }

  /** Whether the run is cancelled, and not over yet. */
  get isCancelled(): boolean {
    return this.sending.reason instanceof RunCancelled && !this.over.aborted;
  }

  cancel(): void {
    this.#sending.abort(new RunCancelled());
  }

  /** Ends the run's stay by an error, unless it only says that a cancellation broke something off. */
  fail(error: unknown): void {
    if (this.sending.aborted && !(error instanceof LeatError)) return;
    this.end(error);
  }

  end(reason?: unknown): void {
    this.#sending.abort(reason);
    this.#over.abort(reason);
  }

  /** Waits until a condition holds that the bell is rung for, or the fetcher has to stop. */
  until(isMet: () => boolean): Promise<void> {
    return this.bell.until(() => isMet() || this.stop.aborted, this.sending);
  }
}
