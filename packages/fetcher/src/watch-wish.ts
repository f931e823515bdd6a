import type { RunWish } from '@leat/core';
import { type Runs, wait } from '@leat/sdk/internal';

/** How often it is looked what the operator wants: a wish takes hold within a second. */
const LOOK_MS = 500;

/** Tells what the operator wants of a run, at the beginning and whenever it changes. */
export async function watchWish(
  runs: Runs,
  run: string,
  signal: AbortSignal,
  onWish: (wish: RunWish) => void,
): Promise<void> {
  let known: RunWish = 'run';
  while (!signal.aborted) {
    const wish = await runs.wish(run).catch(() => known);
    if (wish !== known) {
      known = wish;
      onWish(wish);
    }
    await wait(LOOK_MS, signal).catch(() => undefined);
  }
}
