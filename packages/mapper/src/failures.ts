import { classifyFailure, decideRetry, type RetryDecision, type RetryPolicy } from '@leat/core';

/** What one record, or one group of them, has been through. */
export class Failures {
  readonly #policy: RetryPolicy;
  #failed: number;
  #busy = 0;
  /** By `performance.now`, when it was busy for the first time in a row. */
  #busySince = 0;
  /** What was to be waited since then: a test need not wait. */
  #busyWaitMs = 0;

  /** @param failed how often it had failed before, as part of a larger group */
  constructor(policy: RetryPolicy, failed = 0) {
    this.#policy = policy;
    this.#failed = failed;
  }

  /** How often it failed; being busy does not count. */
  get count(): number {
    return this.#failed;
  }

  /** Takes note of a failure and says what to do. */
  add(error: unknown): RetryDecision & { readonly isBusy: boolean } {
    const isBusy = classifyFailure(error) === 'busy';
    if (!isBusy) {
      this.#busy = 0;
      return { ...decideRetry(this.#policy, error, ++this.#failed, Math.random()), isBusy };
    }
    if (this.#busy++ === 0) {
      this.#busySince = performance.now();
      this.#busyWaitMs = 0;
    }
    const busyMs = Math.max(performance.now() - this.#busySince, this.#busyWaitMs);
    const decision = decideRetry(this.#policy, error, this.#busy, Math.random(), busyMs);
    if (decision.action === 'retry') this.#busyWaitMs += decision.delayMs;
    return { ...decision, isBusy };
  }
}
