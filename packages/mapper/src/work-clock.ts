/** What `performance.now` counts from, on the clock that all threads and processes of a machine share. */
const ORIGIN_MS = Math.round(Number(process.hrtime.bigint()) / 1e6 - performance.now());

function nowMs(): number {
  return ORIGIN_MS + Math.floor(performance.now());
}

/** What the memory of a clock takes. */
export const CLOCK_BYTES = 16;

/**
 * How long the user's function has worked on a chunk. The clock runs while at least one call is under
 * way; it stands while all of them wait, and begins anew when somebody was busy: nobody is to blame for
 * the time that others need.
 *
 * Its state is one number, so that it can be read from another thread or sent to another process at any
 * moment: while the clock runs, when it would have begun had it never stood; while it stands, what it
 * shows, as a number that is not above zero. Behind it stands when a call began or a sign of life came last.
 */
export class WorkClock {
  readonly #state: BigInt64Array;
  readonly #onChange: ((state: bigint) => void) | undefined;
  #calls = 0;

  /**
   * @param memory {@link CLOCK_BYTES}; shared with other threads if they shall read the clock
   * @param onChange told of each state, so that it can be sent to another process
   */
  constructor(
    memory: SharedArrayBuffer | ArrayBuffer = new ArrayBuffer(CLOCK_BYTES),
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

  /** How long ago it was set, in milliseconds. */
  get silentMs(): number {
    return nowMs() - Number(Atomics.load(this.#state, 1));
  }

  /** The thread that works under it is not blocked. */
  beat(): void {
    this.set(Atomics.load(this.#state, 0));
  }

  /** A call begins. */
  begin(): void {
    if (this.#calls++ === 0) this.set(BigInt(nowMs() - this.workedMs));
  }

  /** A call has ended, in whatever way. */
  end(): void {
    if (--this.#calls === 0) this.#show(BigInt(-this.workedMs));
  }

  /** Somebody else was busy. */
  restart(): void {
    this.set(this.#calls === 0 ? 0n : BigInt(nowMs()));
  }

  /** Makes it show what another clock shows, of which this is the state. */
  set(state: bigint): void {
    Atomics.store(this.#state, 1, BigInt(nowMs()));
    this.#show(state);
  }

  #show(state: bigint): void {
    Atomics.store(this.#state, 0, state);
    this.#onChange?.(state);
  }
}
