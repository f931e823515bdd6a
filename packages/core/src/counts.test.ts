import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addCounts,
  copiedCounts,
  type Counts,
  divideCounts,
  formatCounts,
  NO_COUNTS,
  parseCounts,
  recordsOf,
} from './counts.ts';

const balanced: fc.Arbitrary<Counts> = fc
  .record({
    in: fc.nat({ max: 1000 }),
    expanded: fc.nat({ max: 1000 }),
    filtered: fc.nat(),
    dead: fc.nat(),
    retries: fc.nat({ max: 9 }),
  })
  .map((counts) => {
    const filtered = counts.filtered % (counts.in + counts.expanded + 1);
    const dead = counts.dead % (counts.in + counts.expanded - filtered + 1);
    return Object.assign(counts, { filtered, dead });
  });

function sum(all: readonly Counts[]): Counts {
  return all.reduce(addCounts, NO_COUNTS);
}

/** Cuts `records` into pieces at the given places. */
function sizesOf(records: number, cuts: readonly number[]): number[] {
  const bounds = [0, ...cuts.map((cut) => cut % (records + 1)), records].toSorted((a, b) => a - b);
  return bounds.slice(1).map((bound, i) => bound - (bounds[i] as number));
}

describe('divideCounts', () => {
  test('gives pieces that balance, hold what they should, and add up', () => {
    fc.assert(
      fc.property(balanced, fc.array(fc.nat(), { maxLength: 5 }), (counts, cuts) => {
        const sizes = sizesOf(recordsOf(counts), cuts);
        const pieces = divideCounts(counts, sizes);
        expect(pieces.map(recordsOf)).toEqual(sizes);
        for (const piece of pieces) {
          expect(Object.values(piece).every((n) => Number.isInteger(n) && n >= 0)).toBe(true);
        }
        expect(sum(pieces)).toEqual(counts);
      }),
    );
  });

  test('leaves what was dropped with the first piece', () => {
    const counts = { in: 10, expanded: 0, filtered: 2, dead: 1, retries: 3 };
    expect(divideCounts(counts, [3, 4])).toEqual([
      { in: 6, expanded: 0, filtered: 2, dead: 1, retries: 3 },
      { in: 4, expanded: 0, filtered: 0, dead: 0, retries: 0 },
    ]);
  });
});

describe('copiedCounts', () => {
  test('holds as many records as the original, all of them added', () => {
    fc.assert(
      fc.property(balanced, (counts) => {
        const copy = copiedCounts(counts);
        expect(copy).toEqual({ ...NO_COUNTS, expanded: recordsOf(counts) });
        expect(recordsOf(copy)).toBe(recordsOf(counts));
      }),
    );
  });
});

/** What stages do to the books of a chunk, by a number. */
const STAGES = {
  divide: (counts, amount) =>
    divideCounts(counts, sizesOf(recordsOf(counts), [amount, amount * 3])),
  copy: (counts, amount) => [
    counts,
    ...Array.from({ length: amount % 3 }, () => copiedCounts(counts)),
  ],
  filter: (counts, amount) => [
    { ...counts, filtered: counts.filtered + Math.min(amount, recordsOf(counts)) },
  ],
  expand: (counts, amount) => [{ ...counts, expanded: counts.expanded + amount }],
  dead: (counts, amount) => [
    { ...counts, dead: counts.dead + Math.min(amount, recordsOf(counts)) },
  ],
  retry: (counts) => [{ ...counts, retries: counts.retries + 1 }],
} satisfies Record<string, (counts: Counts, amount: number) => Counts[]>;

interface Step {
  readonly stage: keyof typeof STAGES;
  readonly amount: number;
  /** What happens to what comes of it. */
  readonly readers: readonly Step[];
}

const { step } = fc.letrec<{ step: Step }>((tie) => ({
  step: fc.record({
    stage: fc.constantFrom('divide', 'copy', 'filter', 'expand', 'dead', 'retry'),
    amount: fc.nat({ max: 50 }),
    readers: fc.oneof(
      { maxDepth: 5 },
      fc.constant<Step[]>([]),
      fc.array(tie('step'), { minLength: 1, maxLength: 3 }),
    ),
  }),
}));

function leavesOf(counts: Counts, { stage, amount, readers }: Step): Counts[] {
  return STAGES[stage](counts, amount).flatMap((output, place) => {
    const reader = readers[place % Math.max(readers.length, 1)];
    return reader === undefined ? [output] : leavesOf(output, reader);
  });
}

describe('the books of a graph', () => {
  test('account for every record of the root, whatever its stages do', () => {
    fc.assert(
      fc.property(fc.nat({ max: 100 }), step, (records, first) => {
        const leaves = leavesOf({ ...NO_COUNTS, in: records }, first);
        const saved = leaves.reduce((total, leaf) => total + recordsOf(leaf), 0);
        const books = sum(leaves);
        expect(leaves.every((leaf) => recordsOf(leaf) >= 0)).toBe(true);
        expect(books.in).toBe(records);
        expect(books.in + books.expanded).toBe(saved + books.filtered + books.dead);
      }),
      { numRuns: 500 },
    );
  });
});

describe('formatCounts and parseCounts', () => {
  test('are inverse', () => {
    fc.assert(
      fc.property(balanced, (counts) => {
        expect(parseCounts(formatCounts(counts))).toEqual(counts);
      }),
    );
  });

  test.each([
    '',
    '1',
    '1/2/3/4',
    '1/2/3/4/5/6',
    '-1/0/0/0/0',
    '1.5/0/0/0/0',
    '01/0/0/0/0',
    '1/0/0/0/0\n',
    ' 1/0/0/0/0',
    '1/0/1/1/0',
    '1e3/0/0/0/0',
    '9999999999999999/0/0/0/0',
  ])('refuse %j', (text) => {
    expect(parseCounts(text)).toBeUndefined();
  });

  test('refuse what they cannot have made', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9/-]{0,16}$/), (text) => {
        const counts = parseCounts(text);
        expect(counts === undefined ? text : formatCounts(counts)).toBe(text);
      }),
    );
  });
});
