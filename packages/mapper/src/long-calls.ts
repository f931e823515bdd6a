import type { ChunkTask } from './chunk-task.ts';

/** A call that has not returned after so long is named. */
const LONG_CALL_MS = 30_000;
/** How often it is looked; each look is a sign of life, too. */
const LOOK_MS = 10_000;

/**
 * Names the records whose call of the user's function does not return. Calls are not timed: it is looked now and then
 * which are under way, and one that is seen again and again takes long.
 */
export class LongCalls {
  /** By task, the calls that were under way at the last look, and when each was seen first. */
  readonly #seen = new Map<ChunkTask, ReadonlyMap<number, number>>();
  #looking: NodeJS.Timeout | undefined;

  /** Looks at a task until work on it has ended. */
  async during(task: ChunkTask, work: Promise<void>): Promise<void> {
    this.#seen.set(task, new Map());
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS).unref();
    try {
      await work;
    } finally {
      this.#seen.delete(task);
    }
  }

  #look(): void {
    const nowMs = Date.now();
    for (const [task, before] of this.#seen) {
      const seen = new Map<number, number>();
      for (const [call, index] of task.callsUnderWay) {
        const sinceMs = before.get(call) ?? nowMs;
        seen.set(call, sinceMs);
        if (nowMs - sinceMs >= LONG_CALL_MS) task.nameCall(index, sinceMs);
      }
      this.#seen.set(task, seen);
      task.clock.beat();
    }
    if (this.#seen.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }
}
