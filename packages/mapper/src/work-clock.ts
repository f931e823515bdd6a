/** What `performance.now` counts from, on the clock that all threads and processes of a machine share. */
const ORIGIN_MS = Math.round(Number(process.hrtime.bigint()) / 1e6 - performance.now());

function nowMs(): number {
  return ORIGIN_MS + Math.floor(performance.now());
}

/**
 * How long the user's function has worked on a chunk. The clock runs while at least one call is under
 * way; it stands while all of them wait, and begins anew when somebody was busy: nobody is to blame for
 * the time that others need.
 *
 * Its state is one number, so that it can be read from another thread or sent to another process at any
 * moment: while the clock runs, when it would have begun had it never stood; while it stands, what it
 * shows, as a number that is not above zero.
 */
export class WorkClock {
  readonly #state: BigInt64Array;
  readonly #onChange: ((state: bigint) => void) | undefined;
  #calls = 0;

  /**
   * @param memory eight bytes; shared with other threads if they shall read the clock
   * @param onChange told of each state, so that it can be sent to another process
   */
  constructor(
    memory: SharedArrayBuffer | ArrayBuffer = new ArrayBuffer(8),
    onChange?: (state: bigint) => void,
  ) {
    this.#state = new BigInt64Array(memory);
    this.#onChange = onChange;
  }

  /** What it shows, in milliseconds. */
  get workedMs(): number {
    const state = Number(Atomics.load(this.#state, 0));
    return state > 0 ? Math.max(0, nowMs() - state) : Math.abs(state);
  }

  /** A call begins. */
  begin(): void {
    if (this.#calls++ === 0) this.set(BigInt(nowMs() - this.workedMs));
  }

  /** A call has ended, in whatever way. */
  end(): void {
    if (--this.#calls === 0) this.set(BigInt(-this.workedMs));
  }

  /** Somebody else was busy. */
  restart(): void {
    this.set(this.#calls === 0 ? 0n : BigInt(nowMs()));
  }

  /** Makes it show what another clock shows, of which this is the state. */
  set(state: bigint): void {
    Atomics.store(this.#state, 0, state);
    this.#onChange?.(state);
  }
}
