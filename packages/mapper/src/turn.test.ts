import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Turn, TURN_MS } from './turn.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** How many steps of so many milliseconds it takes until a turn is over, and how often the clock was looked at. */
function stepsOf(stepMs: number, turn = new Turn()): { steps: number; looks: number } {
  const look = vi.spyOn(performance, 'now');
  try {
    for (let steps = 1; ; steps++) {
      vi.advanceTimersByTime(stepMs);
      if (turn.isOver()) return { steps, looks: look.mock.calls.length };
    }
  } finally {
    look.mockRestore();
  }
}

test('a turn is over as soon as slow steps have taken its time', () => {
  expect(stepsOf(TURN_MS + 1)).toEqual({ steps: 1, looks: 1 });
  expect(stepsOf(5)).toEqual({ steps: 5, looks: 5 });
});

test('while steps are quick, the clock is looked at now and then', () => {
  const { steps, looks } = stepsOf(0.01);
  expect(steps * 0.01).toBeGreaterThan(TURN_MS);
  expect(steps * 0.01).toBeLessThan(TURN_MS + 0.1);
  expect(looks).toBeLessThan(steps / 7);
});

test('after quick steps a few slow ones are noticed late, and then each', () => {
  const turn = new Turn();
  for (let step = 0; step < 9; step++) {
    vi.advanceTimersByTime(0.01);
    expect(turn.isOver()).toBe(false);
  }
  expect(stepsOf(2, turn).steps).toBe(10);
  turn.begin();
  expect(stepsOf(7, turn).steps).toBe(3);
});
