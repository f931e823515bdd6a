import { describe, expect, test } from 'vitest';
import { Blockage, type Held, type Verdict } from './blockage.ts';
import { PULSE_MS } from './hold-table.ts';

/** Looks for `ms` at a heart that does not beat. */
function lookFor(blockage: Blockage, ms: number, held: readonly Held[]): Verdict[] {
  const looks = Array.from({ length: ms / PULSE_MS }, () => blockage.look(1, () => held));
  return looks.filter((verdict) => verdict !== undefined);
}

const limited: Held = { stage: 'slow', limitMs: 2_000 };
const unlimited: Held = { stage: 'zones', limitMs: 0 };

describe('a blocked process', () => {
  test('ends when it is blocked for longer than a limit and the grace', () => {
    const blockage = new Blockage();
    blockage.look(1, () => []);
    expect(lookFor(blockage, 7_000, [unlimited, limited])).toEqual([]);
    const verdict = blockage.look(1, () => [unlimited, limited]);
    expect(verdict?.mustEnd).toBe(true);
    expect(verdict?.line).toContain('blocked for 7.5 s while the stage slow had chunks in hand');
    expect(verdict?.line).toContain('timeoutMs is 2000');
  });

  test('without a limit goes on, and says so after half a minute, a minute, two and four', () => {
    const blockage = new Blockage();
    blockage.look(1, () => []);
    const verdicts = lookFor(blockage, 300_000, [unlimited, unlimited]);
    expect(verdicts.map(({ mustEnd }) => mustEnd)).toEqual([false, false, false, false]);
    expect(
      verdicts.map(({ line }) => /for (\S+) s .* in hand: (\w+)\./.exec(line)?.slice(1)),
    ).toEqual([
      ['30', 'zones'],
      ['60', 'zones'],
      ['120', 'zones'],
      ['240', 'zones'],
    ]);
  });

  test('with nothing in hand is left alone', () => {
    const blockage = new Blockage();
    expect(lookFor(blockage, 100_000, [])).toEqual([]);
  });
});

test('each beat begins anew', () => {
  const blockage = new Blockage();
  for (let pulse = 0; pulse < 100; pulse++) {
    for (let look = 0; look < 10; look++) {
      expect(blockage.look(pulse, () => [limited])).toBeUndefined();
    }
  }
});
