import { LeatError, type Receipt } from '@leat/core';
import type { Committed, Sink, SinkChunk, SinkSession } from '@leat/sdk';
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';
import type { SimulatedProcess } from './simulated-process.ts';

interface SavedChunk {
  readonly receipt: Receipt;
  readonly lines: readonly string[];
}

function notUsed(): never {
  throw new Error('savers do not read');
}

function tried<T>(action: () => T): { readonly result: T } | { readonly error: Error } {
  try {
    return { result: action() };
  } catch (error) {
    return { error: error as Error };
  }
}

/** How a sink can be wrong; for planted bugs. */
export interface SinkFlaws {
  /** Forgets what it has committed, and so commits it again. */
  readonly hasNoKeys?: boolean;
  /** Says that it has committed what it has only heard. */
  readonly answersBeforeCommit?: boolean;
}

/** A database that savers share: data and receipt are committed together, keyed by chunk id. */
export class ModelSink {
  /** Whether it can be reached. */
  isAway = false;
  /** How often an answer is lost after the commit. */
  lossRate = 0;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #flaws: SinkFlaws;
  /** By saver, then by chunk id; one entry for each commit. */
  readonly #saved = new Map<string, Map<string, SavedChunk[]>>();
  /** By saver, the highest fence under which it was opened. */
  readonly #fences = new Map<string, number>();

  constructor(clock: Clock, random: Random, flaws: SinkFlaws) {
    this.#clock = clock;
    this.#random = random;
    this.#flaws = flaws;
  }

  /** Whether a saver's chunk is committed. */
  has(saver: string, chunk: string): boolean {
    return this.#saved.get(saver)?.has(chunk) ?? false;
  }

  /** Every line that a saver has saved of a chunk of the dataset, or of all. */
  lines(saver: string, seq?: number): string[] {
    const found: string[] = [];
    for (const [chunk, commits] of this.#saved.get(saver) ?? []) {
      if (seq !== undefined && Number.parseInt(chunk, 10) !== seq) continue;
      for (const { lines } of commits) found.push(...lines);
    }
    return found;
  }

  sinkOf(saver: string): Sink {
    return {
      kind: 'model',
      open: async ({ fence = 0 }) => {
        await this.#call(() => {
          this.#fences.set(saver, Math.max(fence, this.#fences.get(saver) ?? 0));
        });
        return this.#session(saver, fence);
      },
    };
  }

  #session(saver: string, fence: number): SinkSession {
    return {
      commit: (chunks) => {
        const process = this.#clock.current;
        const commitAll = (): Committed[] => {
          const found = this.#fences.get(saver) ?? 0;
          if (fence >= found) return chunks.map((chunk) => this.#commit(saver, chunk));
          throw new LeatError('fenced', `The sink has the fence ${found}, and this is ${fence}.`);
        };
        if (this.#flaws.answersBeforeCommit !== true) return this.#call(commitAll);
        this.#clock.after(2_000, process, commitAll);
        return this.#call(() => chunks.map(({ receipt }) => ({ receipt, isDuplicate: false })));
      },
      receipts: notUsed,
      read: notUsed,
      close: () => Promise.resolve(),
    };
  }

  #commit(saver: string, { receipt, body }: SinkChunk): Committed {
    let chunks = this.#saved.get(saver);
    if (chunks === undefined) this.#saved.set(saver, (chunks = new Map()));
    const commits = chunks.get(receipt.chunk) ?? [];
    const [first] = commits;
    if (first !== undefined && this.#flaws.hasNoKeys !== true) {
      return { receipt: first.receipt, isDuplicate: true };
    }
    const lines = Buffer.from(body).toString().split('\n').slice(0, -1);
    chunks.set(receipt.chunk, [...commits, { receipt, lines }]);
    return { receipt, isDuplicate: false };
  }

  /** One request of the current process: there, done all at once, and back. */
  #call<T>(action: () => T): Promise<T> {
    const process = this.#clock.current as SimulatedProcess;
    return new Promise((resolve, reject) => {
      if (!process.mayAct()) return;
      const back = (answer: () => void): void =>
        this.#clock.after(this.#random.between(0, 10), process, answer);
      this.#clock.after(this.#random.between(0, 20), undefined, () => {
        if (this.isAway) {
          back(() => reject(new Error('the sink cannot be reached')));
          return;
        }
        const answer = tried(action);
        if (this.#random.chance(this.lossRate)) back(() => reject(new Error('connection reset')));
        else back(() => ('error' in answer ? reject(answer.error) : resolve(answer.result)));
      });
    });
  }
}
