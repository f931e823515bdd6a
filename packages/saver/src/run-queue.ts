import type { Delivery } from '@leat/runtime';
import { ChunkToSave } from './chunk-to-save.ts';
import { takeGroup } from './commit-group.ts';
import type { RunSink } from './run-sink.ts';

/** A group that takes longer than this holds up its own run, and no other one. */
const LONG_MS = 10_000;

/** The chunks of one run that wait to be committed, and its sink. */
export class RunQueue {
  readonly sink: RunSink;
  working: Promise<void> | undefined;
  readonly #onLong: (isLong: boolean) => void;
  #waiting: ChunkToSave[] = [];
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
    if (this.#isOver === undefined) this.#waiting.push(new ChunkToSave(delivery));
    else delivery.park(this.#isOver.signal);
  }

  /** Works on the chunks of the next commit. */
  async work(save: (group: readonly ChunkToSave[]) => Promise<void>): Promise<void> {
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

  #parkAll(): void {
    this.#isOver = new AbortController();
    for (const { delivery } of this.#waiting.splice(0)) delivery.park(this.#isOver.signal);
    this.#onLong(true);
  }
}
