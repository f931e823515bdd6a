import type { Clock, Owner } from './clock.ts';
import type { Packet } from './model/model-wire.ts';

/** What a process does with its life; when it ends, the process ends. */
export type Main = (process: SimulatedProcess) => Promise<void>;

/** A process: it can be paused, told to stop, or killed between any two of its acts. */
export class SimulatedProcess implements Owner {
  readonly name: string;
  readonly pid: number;
  readonly backlog: (() => void)[] = [];
  readonly links: { cut(): void }[] = [];
  readonly stop: AbortController = new AbortController();
  readonly abort: AbortController = new AbortController();
  state: Owner['state'] = 'running';
  /** Whether it is of a version of Leat to come, whose chunks and receipts this version cannot read. */
  isAhead = false;
  /** Told of each message that it is given and cannot read, with the means to acknowledge it all the same. */
  onNewer: ((acknowledge: () => void) => void) | undefined;
  /** Told of what it says to the server, if anybody listens. */
  onSaid: ((packet: Packet) => void) | undefined;
  readonly #clock: Clock;
  #actsLeft = Number.POSITIVE_INFINITY;
  #onDeath: () => void = () => undefined;

  constructor(clock: Clock, name: string, pid: number) {
    this.#clock = clock;
    this.name = name;
    this.pid = pid;
  }

  /** @param onEnd told once, with the error if there was one, when the process is over in any way */
  start(main: Main, onEnd: (error?: unknown) => void): void {
    let isOver = false;
    const end = (error?: unknown): void => {
      if (isOver) return;
      isOver = true;
      this.#die();
      onEnd(error);
    };
    this.#onDeath = () => end();
    this.#clock.after(0, this, () => {
      main(this).then(() => end(), end);
    });
  }

  /** Tells it to stop, as an orchestrator does, which has some patience and then none. */
  terminate(): void {
    this.stop.abort(new Error('stopped'));
    this.#clock.after(20_000, this, () => this.abort.abort(new Error('aborted')));
    this.#clock.after(30_000, undefined, () => this.killAfter(0));
  }

  /** Dies after so many further acts: bytes written to the server, calls of the sink. */
  killAfter(acts: number): void {
    if (acts === 0) this.#onDeath();
    else this.#actsLeft = acts;
  }

  /** Whether an act of this process still has an effect. */
  mayAct(): boolean {
    if (this.state === 'dead') return false;
    if (this.#actsLeft > 0) {
      this.#actsLeft--;
      return true;
    }
    this.#onDeath();
    return false;
  }

  pause(forMs: number): void {
    if (this.state !== 'running') return;
    this.state = 'paused';
    this.#clock.after(forMs, undefined, () => this.#clock.resume(this));
  }

  #die(): void {
    this.state = 'dead';
    this.backlog.length = 0;
    for (const link of this.links) link.cut();
  }
}
