/** How long work that never waits may keep the event loop to itself. */
export const TURN_MS = 20;

/** While a step takes less, on average, the clock is looked at less often. */
const QUICK_MS = 0.1;
const MANY_STEPS = 8;

/** The turn of work that never waits. Looking at the clock costs more than a quick step. */
export class Turn {
  #beganAt = 0;
  #lookedAt = 0;
  /** Steps from one look to the next. */
  #stride = 1;
  #stepsLeft = 1;

  constructor() {
    this.begin();
  }

  begin(): void {
    this.#beganAt = this.#lookedAt = performance.now();
    this.#stride = this.#stepsLeft = 1;
  }

  /** A step is done. @returns whether it is time to let others have a turn */
  isOver(): boolean {
    if (--this.#stepsLeft > 0) return false;
    const now = performance.now();
    const isQuick = now - this.#lookedAt < QUICK_MS * this.#stride;
    this.#stride = isQuick ? MANY_STEPS : 1;
    this.#stepsLeft = this.#stride;
    this.#lookedAt = now;
    return now - this.#beganAt > TURN_MS;
  }
}
