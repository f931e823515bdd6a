import { isEnded, type RunProgress, type RunState } from '@leat/core';
import type { HookRun } from '@leat/sdk';

/** After so many attempts a hook is given up. */
const ATTEMPTS = 5;

/** The hook `finally` of a simulated pipeline, and what became of it. */
export class HooksSeen {
  /** Whether the pipeline has it. */
  readonly isWanted: boolean;
  /** `<hook> <state>` of each call that has returned. */
  readonly #returned = new Set<string>();

  constructor(isWanted: boolean) {
    this.isWanted = isWanted;
  }

  /** Takes its time, throws now and then, and sometimes does not return. */
  async call(hook: HookRun<unknown>['hook'], state: RunState): Promise<void> {
    const chance = Math.random();
    if (chance < 0.02) await new Promise(() => undefined);
    await new Promise((resolve) => {
      setTimeout(resolve, 4_000 * Math.random());
    });
    if (chance < 0.2) throw new Error('the hook has bad luck');
    this.#returned.add(`${hook} ${state}`);
  }

  /**
   * What is wrong with an end that is written down.
   *
   * @returns nothing if its hook has returned before, or was tried often enough
   */
  faultOf({ state, hooks }: RunProgress): string | undefined {
    // Without a fetcher, which ends it as cancelled, there is no hook.
    if (!this.isWanted || !isEnded(state) || state === 'cancelled') return undefined;
    const last = hooks?.ran.find(({ name }) => name === 'finally');
    if (last === undefined) return `the run has ended as ${state}, and its hook was not called`;
    const { id, attempts, error } = last;
    if (error === undefined ? this.#returned.has(`${id} ${state}`) : attempts === ATTEMPTS) return;
    return `the run has ended as ${state}, and its hook ${id} has not returned: ${attempts} attempts, ${error ?? 'no error'}`;
  }
}
