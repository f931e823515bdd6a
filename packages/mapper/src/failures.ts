import { classifyFailure, decideRetry, type RetryDecision, type RetryPolicy } from '@leat/core';

/** What one record, or one group of them, has been through. */
export class Failures {
  readonly #policy: RetryPolicy;
  #failed: number;
  #busy = 0;

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
    const inARow = isBusy ? ++this.#busy : ++this.#failed;
    return { ...decideRetry(this.#policy, error, inARow, Math.random()), isBusy };
  }
}
