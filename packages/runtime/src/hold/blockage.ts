import { PULSE_MS } from './hold-table.ts';

/** After so long the log says that the main thread is blocked, and again each time that it has doubled. */
const LONG_BLOCK_MS = 30_000;
/** What a process may be blocked beyond the limit: the one who has the limit is not alone on the thread. */
const GRACE_MS = 5_000;

/** A message in hand. */
export interface Held {
  readonly stage: string;
  /** How long the main thread may be blocked meanwhile, in milliseconds; 0 is without limit. */
  readonly limitMs: number;
}

/** What is to be done about a blocked main thread. */
export interface Verdict {
  readonly line: string;
  readonly mustEnd: boolean;
}

/** Judges, look by look, for how long the main thread has been blocked while messages are in hand. */
export class Blockage {
  #pulse: number | undefined;
  #looks = 0;
  #noteAtMs = LONG_BLOCK_MS;

  /**
   * Takes note of a look, one every {@link PULSE_MS}. Looks are counted rather than time, because a
   * machine that sleeps, or a process that is stopped, is not blocked.
   */
  look(pulse: number, held: () => readonly Held[]): Verdict | undefined {
    if (pulse !== this.#pulse) {
      this.#pulse = pulse;
      this.#looks = 0;
      this.#noteAtMs = LONG_BLOCK_MS;
      return undefined;
    }
    const blockedMs = ++this.#looks * PULSE_MS;
    if (blockedMs <= GRACE_MS) return undefined;
    const all = held();
    const over = all.find(({ limitMs }) => limitMs > 0 && blockedMs > limitMs + GRACE_MS);
    const seconds = `${blockedMs / 1_000} s`;
    if (over !== undefined) {
      return {
        line: `this process has been blocked for ${seconds} while the stage ${over.stage} had chunks in hand, and its timeoutMs is ${over.limitMs}; the process ends, so that they go to others. With "threads" only the work is stopped that takes too long.`,
        mustEnd: true,
      };
    }
    if (blockedMs < this.#noteAtMs || all.length === 0) return undefined;
    this.#noteAtMs *= 2;
    const stages = [...new Set(all.map(({ stage }) => stage))].join(', ');
    return {
      line: `this process has been blocked for ${seconds} by a function that does not return; in hand: ${stages}. Work that takes so long belongs into "threads", and "timeoutMs" ends what never does.`,
      mustEnd: false,
    };
  }
}
