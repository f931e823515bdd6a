import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextWindow, WINDOW_RULES, type WindowLook } from './window.ts';

const LIMIT = 4_000;
/** Rounding, and the last of a window that shrinks. */
const SLACK = 8;
const { first, reserve } = WINDOW_RULES;
const looks = fc.record({
  inFlight: fc.nat(10_000),
  waiting: fc.nat(10_000),
  saving: fc.nat(10_000),
  quietMs: fc.nat(20_000),
});

/** A stage of a line: it holds `slots` chunks at a time, and does `rate` of them between two looks. */
interface Stage {
  slots: number;
  rate: number;
}

/** A line of stages, the last of them a saver, behind a source that never ends. */
class Line {
  size = first;
  saved = 0;
  readonly #stages: readonly Stage[];
  /** In front of and in the hands of each stage. */
  readonly #at: number[];
  #quietMs = 0;

  constructor(stages: readonly Stage[]) {
    this.#stages = stages;
    this.#at = stages.map(() => 0);
  }

  get inFlight(): number {
    return this.#at.reduce((sum, each) => sum + each, 0);
  }

  get inHand(): number[] {
    return this.#stages.map(({ slots }, stage) => Math.min(slots, this.#at[stage] ?? 0));
  }

  get waiting(): number {
    return this.inFlight - this.inHand.reduce((sum, each) => sum + each, 0);
  }

  /** Time passes until the next look, in steps in which each stage passes on what it has done. */
  step(steps = 10): void {
    const before = this.saved;
    for (let step = 0; step < steps; step++) {
      for (let stage = this.#stages.length - 1; stage >= 0; stage--) {
        const { rate } = this.#stages[stage] as Stage;
        const done = Math.min(rate / steps, this.inHand[stage] ?? 0);
        this.#at[stage] = (this.#at[stage] ?? 0) - done;
        if (stage + 1 < this.#at.length) this.#at[stage + 1] = (this.#at[stage + 1] ?? 0) + done;
        else this.saved += done;
      }
      this.#at[0] = (this.#at[0] ?? 0) + Math.max(0, this.size - this.inFlight);
    }
    this.#quietMs = this.saved > before ? 0 : this.#quietMs + 1_000;
    const look = {
      inFlight: Math.round(this.inFlight),
      waiting: Math.round(this.waiting),
      saving: Math.round(this.inHand.at(-1) ?? 0),
      quietMs: this.#quietMs,
    };
    this.size = nextWindow(this.size, look, LIMIT, WINDOW_RULES);
  }

  steps(count: number): void {
    for (let step = 0; step < count; step++) this.step();
  }
}

describe('nextWindow', () => {
  test.each<readonly [string, WindowLook, number]>([
    [
      'nobody has taken anything',
      { inFlight: 128, waiting: 128, saving: 0, quietMs: 0 },
      128 - 112 / 8,
    ],
    ['all is in hand', { inFlight: 128, waiting: 0, saving: 0, quietMs: 0 }, 2 * 128 + 16],
    ['as many wait as are in hand', { inFlight: 128, waiting: 72, saving: 9, quietMs: 0 }, 128],
    ['savers are silent', { inFlight: 128, waiting: 0, saving: 128, quietMs: 5_001 }, 114],
    ['they are not', { inFlight: 128, waiting: 0, saving: 128, quietMs: 5_000 }, 2 * 128 + 16],
    ['all is in hand of very many', { inFlight: 3_999, waiting: 0, saving: 0, quietMs: 0 }, LIMIT],
  ])('when %s', (_, look, expected) => {
    expect(nextWindow(128, look, LIMIT, WINDOW_RULES)).toBe(expected);
  });

  test('is a whole number from 1 to the limit, whatever is seen', () => {
    fc.assert(
      fc.property(
        looks,
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (look, limit, share) => {
          const size = 1 + Math.floor(share * (limit - 1));
          const next = nextWindow(size, look, limit, WINDOW_RULES);
          expect(Number.isInteger(next)).toBe(true);
          expect(next).toBeGreaterThanOrEqual(1);
          expect(next).toBeLessThanOrEqual(limit);
          const more = { ...look, waiting: look.waiting + 1 };
          expect(nextWindow(size, more, limit, WINDOW_RULES)).toBeLessThanOrEqual(next);
        },
      ),
    );
  });

  test('a window above a limit that has fallen comes down to it', () => {
    let size = 4_000;
    const look = { inFlight: 100, waiting: 0, saving: 0, quietMs: 0 };
    for (let step = 0; step < 60; step++) size = nextWindow(size, look, 50, WINDOW_RULES);
    expect(size).toBe(50);
  });
});

describe('in the course of a run', () => {
  test('a thousand mappers that take minutes all have work after a few looks', () => {
    const line = new Line([
      { slots: 1_000, rate: 1 },
      { slots: 64, rate: 1_000 },
    ]);
    line.steps(5);
    expect(line.inHand[0]).toBe(1_000);
  });

  test('so they have behind a mapper that is quick', () => {
    const line = new Line([
      { slots: 64, rate: 5_000 },
      { slots: 1_000, rate: 1 },
      { slots: 64, rate: 1_000 },
    ]);
    line.steps(5);
    expect(line.inHand[1]).toBe(1_000);
  });

  test('two mappers that take minutes have few chunks waiting before them', () => {
    const line = new Line([
      { slots: 2, rate: 0.01 },
      { slots: 64, rate: 1_000 },
    ]);
    line.steps(40);
    expect(line.size).toBeLessThan(2 * 2 + reserve + 8);
    expect(line.inHand[0]).toBe(2);
  });

  test('a sink that is away, whose savers park all that they get, does not make it grow', () => {
    const saver = { slots: 64, rate: 1_000 };
    const line = new Line([{ slots: 64, rate: 1_000 }, saver]);
    line.steps(20);
    saver.rate = 0;
    line.steps(6);
    const before = line.size;
    saver.slots = Number.POSITIVE_INFINITY;
    line.steps(100);
    expect(line.size).toBeLessThanOrEqual(before);
  });

  test('the slowest stage has all the work that it can do, and no more waits than is in hand', () => {
    const stages = fc.array(
      fc.record({
        slots: fc.integer({ min: 1, max: 500 }),
        rate: fc.integer({ min: 1, max: 2_000 }),
      }),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(stages, (drawn) => {
        // What a stage does at a time it has in hand.
        const line = new Line(
          drawn.map(({ slots, rate }) => ({ slots, rate: Math.min(slots, rate) })),
        );
        line.steps(100);
        const throughputs = drawn.map(({ slots, rate }) => Math.min(slots, rate));
        const slots = drawn.reduce((sum, each) => sum + each.slots, 0);
        const before = line.saved;
        for (let look = 0; look < 20; look++) {
          line.step();
          expect(line.size).toBeLessThanOrEqual(2 * slots + reserve + SLACK);
        }
        expect(line.saved - before).toBeGreaterThan(0.95 * 20 * Math.min(...throughputs));
      }),
    );
  });
});
