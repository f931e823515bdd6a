import { LongWaits, type LongWaitsOptions } from '@leat/runtime';
import type { OnWait, RecordWait } from './job.ts';

/** A wait that is longer is told. */
const LONG_MS = 10_000;

interface Waiting extends RecordWait {
  readonly run: string;
  readonly chunk: string;
  readonly position: string;
}

/**
 * The records of a stage that wait to be tried again, or whose call does not return: says for each run how many they
 * are, and of the one that waits longest which it is, on whom it waits, and since when. Beside the run it is told every ten seconds, in
 * the log after ten seconds, twenty, forty and so on.
 */
export class Waits {
  readonly #long: LongWaits;
  /** By chunk and position. */
  readonly #waiting = new Map<string, Map<string, Waiting>>();
  #looking: NodeJS.Timeout | undefined;

  constructor(options: LongWaitsOptions) {
    this.#long = new LongWaits(options);
  }

  /** Is told of the waits of a chunk. */
  of(run: string, chunk: string): OnWait {
    return (position, wait) => {
      const key = `${run} ${chunk}`;
      let records = this.#waiting.get(key);
      if (wait === undefined) {
        records?.delete(position);
        return;
      }
      if (records === undefined) this.#waiting.set(key, (records = new Map<string, Waiting>()));
      records.set(position, { ...wait, run, chunk, position });
      this.#looking ??= setInterval(() => this.#look(), LONG_MS).unref();
    };
  }

  /** How many chunks have records that wait to be tried again. */
  get chunks(): number {
    return [...this.#waiting.values()].filter((records) =>
      [...records.values()].some(({ isCalled }) => isCalled !== true),
    ).length;
  }

  /** A chunk is not worked on any more. */
  end(run: string, chunk: string): void {
    if (this.#waiting.size > 0) this.#waiting.delete(`${run} ${chunk}`);
  }

  close(): void {
    clearInterval(this.#looking);
  }

  #look(): void {
    const byRun = new Map<string, Waiting[]>();
    for (const records of this.#waiting.values()) {
      for (const wait of records.values()) {
        const those = byRun.get(wait.run);
        if (those === undefined) byRun.set(wait.run, [wait]);
        else those.push(wait);
      }
    }
    for (const [run, those] of byRun) this.#tell(run, those);
    for (const run of this.#long.runs) if (!byRun.has(run)) this.#long.end(run);
    if (byRun.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #tell(run: string, those: readonly Waiting[]): void {
    const first = those.reduce((a, b) => (b.sinceMs < a.sinceMs ? b : a));
    const waitedMs = Date.now() - first.sinceMs;
    if (waitedMs < LONG_MS) return;
    const { chunk, position, reason, sinceMs, isCalled = false } = first;
    const count = those.filter((each) => each.isCalled === first.isCalled).length;
    const what = isCalled ? calledFor(count) : waitAgain(count);
    const since = new Date(sinceMs).toISOString();
    const sentence = `${what}, since ${since}: ${position}, chunk ${chunk}: ${reason}`;
    this.#long.tell(run, waitedMs, sentence, { chunk });
  }
}

function waitAgain(count: number): string {
  return count === 1
    ? 'a record waits to be tried again'
    : `${count} records wait to be tried again`;
}

function calledFor(count: number): string {
  return count === 1
    ? 'the function was called for a record and has not returned'
    : `the function was called for ${count} records and has not returned`;
}
