import type { Delivery } from '@leat/runtime';
import { ChunkToSave } from './chunk-to-save.ts';
import { MAX_COMMIT_CHUNKS, takeGroup } from './commit-group.ts';
import type { RunSink } from './run-sink.ts';

/** A group that takes longer than this holds up its own run, and no other one. */
const LONG_MS = 10_000;

/**
 * Commits of a run begin no sooner after each other, unless a whole group waits. Where chunks come quickly, a
 * commit's own cost (a file, a transaction, a message with receipts) is shared by those of that time; where
 * they come slowly, nothing waits. After PostgreSQL's `commit_delay`.
 */
const PACE_MS = 20;

/** The chunks of one run that wait to be committed, and its sink. */
export class RunQueue {
  readonly sink: RunSink;
  working: Promise<void> | undefined;
  readonly #onLong: (isLong: boolean) => void;
  #waiting: ChunkToSave[] = [];
  #beganAt = -Infinity;
  /** Told when a whole group waits. */
  #onWhole: (() => void) | undefined;
  /** Aborted when the group is over that takes so long. */
  #isOver: AbortController | undefined;

  /** @param onLong told when the work on a group takes long, and when it is over */
  constructor(sink: RunSink, onLong: (isLong: boolean) => void) {
    this.sink = sink;
    this.#onLong = onLong;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Takes a chunk; it is parked while the sink keeps the run waiting, so that other runs have its slot. */
  add(delivery: Delivery): void {
    if (this.#isOver !== undefined) {
      delivery.park(this.#isOver.signal);
      return;
    }
    this.#waiting.push(new ChunkToSave(delivery));
    if (this.#waiting.length >= MAX_COMMIT_CHUNKS) this.#onWhole?.();
  }

  /** Works on the chunks of the next commit. */
  async work(save: (group: readonly ChunkToSave[]) => Promise<void>): Promise<void> {
    const leftMs = this.#beganAt + PACE_MS - performance.now();
    if (leftMs > 0 && this.#waiting.length < MAX_COMMIT_CHUNKS) await this.#gather(leftMs);
    this.#beganAt = performance.now();
    const long = setTimeout(() => this.#parkAll(), LONG_MS);
    try {
      await save(takeGroup(this.#waiting));
    } finally {
      clearTimeout(long);
      if (this.#isOver !== undefined) {
        this.#isOver.abort();
        this.#isOver = undefined;
        this.#onLong(false);
      }
    }
  }

  /** Lets the chunks of the next commit come together. */
  async #gather(atMostMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, atMostMs);
      this.#onWhole = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onWhole = undefined;
  }

  #parkAll(): void {
    this.#isOver = new AbortController();
    for (const { delivery } of this.#waiting.splice(0)) delivery.park(this.#isOver.signal);
    this.#onLong(true);
  }
}
