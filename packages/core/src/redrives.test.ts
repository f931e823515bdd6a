import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addCounts, type Counts, divideCounts, NO_COUNTS, recordsOf } from './counts.ts';
import { addDigest } from './digest.ts';
import { LeatError } from './errors.ts';
import { Ledger } from './ledger.ts';
import type { LedgerCheckpoint } from './ledger-checkpoint.ts';
import type { Receipt } from './receipt.ts';

const DEAD = 12;

function receipt(chunk: string, counts: Partial<Counts>): Receipt {
  const digest = createHash('md5').update(chunk).digest('hex');
  return { chunk, counts: { ...NO_COUNTS, ...counts }, digest, fence: 1, buried: [] };
}

/** A run of one chunk, all of whose records were given up. */
function runOfTheDead(): Ledger {
  const ledger = new Ledger();
  ledger.send(0, { records: DEAD, nextCursor: null, fraction: 1, checksum: '00000000' }, 0);
  ledger.end();
  ledger.settle({ ...receipt('0', { in: DEAD, dead: DEAD }), digest: '' });
  return ledger;
}

/** What becomes of a record that is tried again, and its receipts: one for each leaf. */
const redriven = fc
  .record({ expanded: fc.nat({ max: 5 }), filtered: fc.boolean(), leaves: fc.nat({ max: 3 }) })
  .map(({ expanded, filtered, leaves }) => {
    const counts = { ...NO_COUNTS, in: 1, expanded, filtered: Number(filtered) };
    const dead = expanded % 2;
    return { counts: { ...counts, dead: Math.min(dead, recordsOf(counts)) }, leaves };
  });

function receiptsOf(record: string, counts: Counts, leaves: number): Receipt[] {
  if (leaves < 2) return [receipt(record, counts)];
  const left = recordsOf(counts);
  const sizes = Array.from({ length: leaves }, (_, nth) => Math.floor((left + nth) / leaves));
  return divideCounts(counts, sizes).map((share, nth) =>
    receipt(`${record}.${nth}-${leaves}`, share),
  );
}

/** What outlives a fetcher: its last checkpoint, the dead letters, and what the stages have done. */
class World {
  readonly letters: Map<string, number>;
  readonly #receipts: ReadonlyMap<string, readonly Receipt[]>;
  readonly #issued = new Set<Receipt>();
  #ledger = runOfTheDead();
  #stored: LedgerCheckpoint = this.#ledger.checkpoint();

  constructor(receipts: ReadonlyMap<string, readonly Receipt[]>) {
    this.#receipts = receipts;
    this.letters = new Map([...receipts.keys()].map((record, nth) => [record, nth + 1]));
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  add(nth: number): void {
    const [record, letter] = [...this.letters][nth % Math.max(this.letters.size, 1)] ?? [];
    if (record === undefined || letter === undefined) return;
    if (!this.#ledger.redrives.has(record, letter)) this.#ledger.redrives.add(record, letter);
  }

  checkpoint(): void {
    this.#stored = JSON.parse(JSON.stringify(this.#ledger.checkpoint())) as LedgerCheckpoint;
  }

  /** Sends what a checkpoint knows of: the stages work on it, sooner or later. */
  send(): void {
    for (const record of Object.keys(this.#stored.redrives ?? {})) {
      for (const each of this.#receipts.get(record) ?? []) this.#issued.add(each);
    }
  }

  deliver(nth: number): void {
    const each = [...this.#issued][nth % Math.max(this.#issued.size, 1)];
    if (each !== undefined) this.#ledger.settle(each);
  }

  deliverAll(): void {
    for (const each of this.#issued) this.#ledger.settle(each);
  }

  /** Deletes the letters of what a checkpoint has as settled. */
  deleteLetters(): void {
    for (const [record, { paths }] of Object.entries(this.#stored.redrives ?? {})) {
      if (paths.includes('')) this.letters.delete(record);
    }
  }

  forget(): void {
    for (const record of this.#ledger.redrives.settled().keys()) {
      if (!this.letters.has(record)) this.#ledger.redrives.forget(record);
    }
  }

  crash(): void {
    this.#ledger = new Ledger(this.#stored);
  }

  toEnd(): void {
    for (const record of this.letters.keys()) this.add([...this.letters.keys()].indexOf(record));
    this.checkpoint();
    this.send();
    this.deliverAll();
    this.checkpoint();
    this.deleteLetters();
    this.forget();
  }
}

test('each record counts once, for any order, any duplicates and any crashes', () => {
  const records = fc.array(redriven, { minLength: 1, maxLength: 6 });
  const choices = fc.array(fc.nat({ max: 7 * 97 }), { size: 'large', maxLength: 120 });
  fc.assert(
    fc.property(records, choices, (given, steps) => {
      const receipts = new Map(
        given.map(({ counts, leaves }, nth) => {
          const record = `0~1-${nth}`;
          return [record, receiptsOf(record, counts, leaves)];
        }),
      );
      const world = new World(receipts);
      const before = world.ledger.checkpoint();
      for (const step of steps) {
        const nth = Math.floor(step / 7);
        const acts = [
          () => world.add(nth),
          () => world.checkpoint(),
          () => world.send(),
          () => world.deliver(nth),
          () => world.deleteLetters(),
          () => world.forget(),
          () => world.crash(),
        ];
        acts[step % 7]?.();
        const { counts } = world.ledger.totals;
        expect(recordsOf(counts)).toBeGreaterThanOrEqual(0);
        expect(counts.dead).toBeGreaterThanOrEqual(0);
      }
      world.toEnd();
      expect(world.letters.size).toBe(0);
      expect(world.ledger.redrives.size).toBe(0);
      world.deliverAll();
      const all = [...receipts.values()].flat();
      const expected = all.reduce(
        (sum, { counts }) => addCounts(sum, counts),
        before.totals.counts,
      );
      const { totals, digest } = world.ledger.checkpoint();
      expect(totals.counts).toEqual({
        ...expected,
        in: DEAD,
        dead: expected.dead - given.length,
      });
      expect(digest).toBe(all.reduce((sum, each) => addDigest(sum, each.digest), before.digest));
    }),
    { numRuns: 300 },
  );
});

describe('Redrives', () => {
  test('a chunk is dead no more when none of its records is', () => {
    const ledger = runOfTheDead();
    for (let nth = 0; nth < DEAD; nth++) {
      expect(ledger.totals).toMatchObject({ savedChunks: 0, deadChunks: 1 });
      ledger.redrives.add(`0~1-${nth}`, nth + 1);
      expect(ledger.settle(receipt(`0~1-${nth}`, { in: 1 }))).toBe('settled');
    }
    expect(ledger.totals).toMatchObject({ savedChunks: 1, deadChunks: 0 });
    expect(ledger.inFlightCount).toBe(0);
  });

  test('takes back no more dead than there are', () => {
    const ledger = runOfTheDead();
    for (let nth = 0; nth < DEAD + 2; nth++) {
      ledger.redrives.add(`0~1-${nth}`, nth + 1);
      ledger.settle(receipt(`0~1-${nth}`, { in: 1 }));
    }
    expect(ledger.totals.counts).toEqual({ ...NO_COUNTS, in: DEAD + 2 });
  });

  test('a receipt for a record that is not here changes nothing', () => {
    const ledger = runOfTheDead();
    const before = ledger.checkpoint();
    expect(ledger.settle(receipt('0~1-3', { in: 1 }))).toBe('duplicate');
    ledger.redrives.sent('0~1-3', 5);
    expect(ledger.redrives.resend('0~1-3')).toBe(0);
    const { duplicates: _, ...totals } = ledger.checkpoint().totals;
    expect({ ...ledger.checkpoint(), totals: { ...totals, duplicates: 0 } }).toEqual(before);
  });

  test('is in flight from its letter to its last leaf', () => {
    const ledger = runOfTheDead();
    const { redrives } = ledger;
    const inFlight = (): unknown[] => [...redrives.inFlight()];
    redrives.add('0~1-3', 7);
    const record = { record: '0~1-3', letter: 7 };
    expect(inFlight()).toEqual([{ ...record, sentAt: Number.POSITIVE_INFINITY, resends: 0 }]);
    redrives.sent('0~1-3', 100);
    expect(inFlight()).toEqual([{ ...record, sentAt: 100, resends: 0 }]);
    expect(redrives.resend('0~1-3')).toBe(1);
    expect(inFlight()).toEqual([{ ...record, sentAt: Number.POSITIVE_INFINITY, resends: 1 }]);
    expect(ledger.settle(receipt('0~1-3.0-2', { in: 1 }))).toBe('part');
    expect(redrives.settled()).toEqual(new Map());
    expect(ledger.settle(receipt('0~1-3.1-2', { expanded: 1 }))).toBe('settled');
    expect(inFlight()).toEqual([]);
    expect(redrives.settled()).toEqual(new Map([['0~1-3', 7]]));
  });

  test('keeps what is known of a record whose letter is found again', () => {
    const { redrives } = new Ledger({
      ...runOfTheDead().checkpoint(),
      redrives: { '0~1-3': { letter: 0, paths: ['.0-2'], counts: { ...NO_COUNTS, in: 1 } } },
    });
    expect([...redrives.inFlight()]).toEqual([]);
    redrives.add('0~1-3', 9);
    expect([...redrives.inFlight()]).toEqual([
      { record: '0~1-3', letter: 9, sentAt: 0, resends: 0 },
    ]);
    expect(redrives.has('0~1-3', 9)).toBe(true);
    expect(redrives.has('0~1-3', 0)).toBe(false);
    expect(redrives.has('0~1-4', 9)).toBe(false);
  });

  test('of two divisions are refused, also after a restart', () => {
    const first = runOfTheDead();
    first.redrives.add('0~1-3', 1);
    const piece = (chunk: string, division: string, counts: Partial<Counts>): Receipt => ({
      ...receipt(chunk, counts),
      division,
    });
    first.settle(piece('0~1-3.0-2', 'aaaaaaaa', { in: 1 }));
    const ledger = new Ledger(first.checkpoint());
    expect(() => ledger.settle(piece('0~1-3.1-2', 'bbbbbbbb', { expanded: 1 }))).toThrow(
      'The redriven record 0~1-3 was divided in two different ways',
    );
    expect(ledger.checkpoint()).toEqual(first.checkpoint());
    expect(ledger.settle(piece('0~1-3.1-2', 'aaaaaaaa', { expanded: 1 }))).toBe('settled');
  });

  test.each([
    ['that account for two records', ['0~1-3'], { in: 2 }, 'account for 2 records'],
    ['of two divisions', ['0~1-3.0-2', '0~1-3'], { in: 1 }, 'divided in two different ways'],
  ])('receipts %s are refused, and nothing changes', (_, chunks, counts, says) => {
    const ledger = runOfTheDead();
    ledger.redrives.add('0~1-3', 1);
    const receipts = chunks.map((chunk) => receipt(chunk, counts));
    const last = receipts.pop() as Receipt;
    for (const each of receipts) ledger.settle(each);
    const before = ledger.checkpoint();
    expect(() => ledger.settle(last)).toThrow(LeatError);
    expect(() => ledger.settle(last)).toThrow(says);
    expect(ledger.checkpoint()).toEqual(before);
  });
});
