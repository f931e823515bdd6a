import type { Logger } from '@leat/runtime';
import type { OnWait, RecordWait } from './job.ts';

/** A wait that is longer is told. */
const LONG_MS = 10_000;

interface Waiting extends RecordWait {
  readonly run: string;
  readonly chunk: string;
  readonly position: string;
}

export interface WaitsOptions {
  readonly logger: Logger;
  /** Notes beside a run what it waits for. */
  readonly note: (run: string, reason: string) => void;
}

/**
 * The records of a stage that wait to be tried again: says for each run how many they are, and of the one that
 * waits longest which it is, on whom it waits, and since when. Beside the run it is told every ten seconds, in
 * the log after ten seconds, twenty, forty and so on.
 */
export class Waits {
  readonly #options: WaitsOptions;
  /** By chunk and position. */
  readonly #waiting = new Map<string, Map<string, Waiting>>();
  /** By run, how long the longest wait is when the log mentions it again. */
  readonly #logAtMs = new Map<string, number>();
  #looking: NodeJS.Timeout | undefined;

  constructor(options: WaitsOptions) {
    this.#options = options;
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

  /** How many chunks have records that wait. */
  get chunks(): number {
    return [...this.#waiting.values()].filter(({ size }) => size > 0).length;
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
    for (const run of this.#logAtMs.keys()) if (!byRun.has(run)) this.#logAtMs.delete(run);
    if (byRun.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #tell(run: string, those: readonly Waiting[]): void {
    const first = those.reduce((a, b) => (b.sinceMs < a.sinceMs ? b : a));
    const waitedMs = Date.now() - first.sinceMs;
    if (waitedMs < LONG_MS) return;
    const { chunk, position, reason, sinceMs } = first;
    const who = those.length === 1 ? 'a record waits' : `${those.length} records wait`;
    const sentence = `${who} to be tried again, since ${new Date(sinceMs).toISOString()}: ${position}, chunk ${chunk}: ${reason}`;
    this.#options.note(run, sentence);
    if (waitedMs < (this.#logAtMs.get(run) ?? LONG_MS)) return;
    this.#logAtMs.set(run, 2 * waitedMs);
    this.#options.logger.warn({ run, chunk, waitedMs }, sentence);
  }
}
