import { EventQueue } from './event-queue.ts';
import { inside } from './inside.ts';

/** Whose turn an event is: a process of the simulation. Paused, it sees nothing; dead, never again. */
export interface Owner {
  readonly pid: number;
  state: 'running' | 'paused' | 'dead';
  /** What came while it was paused. */
  readonly backlog: (() => void)[];
}

interface Happening {
  readonly owner: Owner | undefined;
  readonly action: () => void;
}

/** Any time will do. */
const EPOCH_MS = Date.UTC(2026, 0, 1);

const realSetImmediate = globalThis.setImmediate;

/**
 * Virtual time: a queue of events, each run to its end (all promises settled) before the next. Time
 * jumps from event to event, and nothing but an event makes it pass.
 */
export class Clock {
  /** Milliseconds since the run began. */
  now = 0;
  /** Whose code runs. */
  current: Owner | undefined;
  events = 0;
  readonly #queue = new EventQueue<Happening>();

  get dateMs(): number {
    return EPOCH_MS + this.now;
  }

  /** Lets something happen later; in the name of a process, if it is that process's doing or seeing. */
  after(delayMs: number, owner: Owner | undefined, action: () => void): void {
    this.#queue.push(this.now + Math.max(0, delayMs), { owner, action });
  }

  /** Runs events until there are none, or it is told to stop, or a time is reached. */
  async run(isOver: () => boolean, untilMs: number): Promise<void> {
    while (!isOver()) {
      const event = this.#queue.popUntil(untilMs);
      if (event === undefined) {
        this.now = Math.max(this.now, untilMs);
        return;
      }
      this.now = Math.max(this.now, event.at);
      await this.#happen(event.value);
    }
  }

  /** Lets a paused process see everything that has come meanwhile. */
  resume(owner: Owner): void {
    if (owner.state !== 'paused') return;
    owner.state = 'running';
    for (const action of owner.backlog.splice(0)) this.after(0, owner, action);
  }

  async #happen({ owner, action }: Happening): Promise<void> {
    if (owner?.state === 'dead') return;
    if (owner?.state === 'paused') {
      owner.backlog.push(action);
      return;
    }
    this.events++;
    this.current = owner;
    try {
      inside(action);
      if (owner !== undefined) await new Promise((resolve) => realSetImmediate(resolve));
    } finally {
      this.current = undefined;
    }
  }
}
