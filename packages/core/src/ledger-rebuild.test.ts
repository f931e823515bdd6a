import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NO_COUNTS } from './counts.ts';
import { LedgerRebuild } from './ledger-rebuild.ts';
import { Ledger } from './ledger.ts';
import { FIRST_CHECKPOINT, type LedgerCheckpoint } from './ledger-checkpoint.ts';
import type { Receipt } from './receipt.ts';

const RECORDS = 4;
const ONE = { ...NO_COUNTS, in: 1 };

/** A leaf of a root: undivided, or one of two halves. */
function leaf(seq: number, half?: 0 | 1): Receipt {
  const records = half === undefined ? RECORDS : RECORDS / 2;
  return {
    chunk: half === undefined ? `${seq}` : `${seq}.${half}-2`,
    counts: { ...NO_COUNTS, in: records },
    digest: `${seq * 2 + (half ?? 0)}`.padStart(32, '0'),
    fence: 1,
    buried: [],
  };
}

test('is that of a run which has not begun when the sinks hold nothing', () => {
  expect(new LedgerRebuild().checkpoint()).toEqual(FIRST_CHECKPOINT);
});

test('passes over what is no receipt of a chunk', () => {
  const rebuild = new LedgerRebuild();
  rebuild.add({ ...leaf(0), chunk: 'stray' });
  expect(rebuild.checkpoint()).toEqual(FIRST_CHECKPOINT);
});

test('refuses a root that was divided in two ways', () => {
  const rebuild = new LedgerRebuild();
  rebuild.add(leaf(3, 0));
  expect(() => rebuild.add({ ...leaf(3), chunk: '3' })).toThrow('divided in two different ways');
});

describe('the checksums of what the sinks hold', () => {
  const sourceOf = (seq: number): string => (seq * 0x1111_1111 + 7).toString(16).padStart(8, '0');
  const rebuilt = (receipts: readonly Receipt[]): LedgerCheckpoint => {
    const rebuild = new LedgerRebuild();
    for (const receipt of receipts) rebuild.add(receipt);
    return JSON.parse(JSON.stringify(rebuild.checkpoint())) as LedgerCheckpoint;
  };
  const told = (receipt: Receipt): Receipt => ({
    ...receipt,
    source: sourceOf(Number.parseInt(receipt.chunk, 10)),
  });
  const send = (ledger: Ledger, seq: number, checksum = sourceOf(seq)): void => {
    const sent = { records: RECORDS, nextCursor: seq + 1, fraction: undefined, checksum };
    ledger.send(seq, sent, 0);
  };
  const held = [leaf(0), leaf(1, 0), leaf(2, 0), leaf(2, 1), leaf(4)].map(told);

  test('are those of settled chunks, and are held against what the source gives', () => {
    const checkpoint = rebuilt(held);
    expect(checkpoint.source).toMatchObject({ isOfSettled: true });
    const ledger = new Ledger(checkpoint);
    for (let seq = 0; seq < 5; seq++) send(ledger, seq);
    expect(ledger.watermark).toBe(1);
  });

  test.each([0, 2, 4])('show that the settled chunk %i has changed', (changed) => {
    const ledger = new Ledger(rebuilt(held));
    const recall = (): void => {
      for (let seq = 0; seq < 5; seq++) send(ledger, seq, sourceOf(seq === changed ? 9 : seq));
    };
    expect(recall).toThrow(expect.objectContaining({ code: 'source-changed' }));
  });

  test('say nothing of chunks in flight, whose receipts do', () => {
    const ledger = new Ledger(rebuilt(held));
    for (let seq = 0; seq < 5; seq++) send(ledger, seq, sourceOf(seq === 1 ? 9 : seq));
    expect(() => ledger.settle(told(leaf(1, 1)))).toThrow(
      'Chunk 1 of the dataset is not what it was',
    );
  });

  test('follow the receipts that come before a chunk is read again', () => {
    const ledger = new Ledger(rebuilt(held));
    ledger.settle(told(leaf(1, 1)));
    send(ledger, 0);
    const next = new Ledger(ledger.checkpoint());
    ledger.settle(told(leaf(3)));
    next.settle(told(leaf(3)));
    for (let seq = 1; seq < 5; seq++) {
      send(ledger, seq);
      send(next, seq);
    }
    expect(ledger.watermark).toBe(5);
    expect(next.checkpoint()).toEqual(ledger.checkpoint());
  });

  test.each<[string, readonly Receipt[]]>([
    ['a receipt of an earlier version', [...held, leaf(3)]],
    ['records that were redriven', [...held, { ...leaf(9), chunk: '1~1-0', counts: ONE }]],
  ])('are not compared where there are %s', (_, receipts) => {
    const checkpoint = rebuilt(receipts);
    expect(checkpoint).not.toHaveProperty('source');
    const ledger = new Ledger(checkpoint);
    for (let seq = 0; seq < 5; seq++) send(ledger, seq, sourceOf(seq + 20));
  });

  test('are a number of 32 bits, however many chunks there are', () => {
    const { source } = rebuilt([0, 1, 2].map((seq) => ({ ...leaf(seq), source: 'ffffffff' })));
    expect(source?.sum).toBeLessThan(2 ** 32);
  });
});

test('does no chunk again of which records were redriven, and counts these once', () => {
  const rebuild = new LedgerRebuild();
  const dead = { ...NO_COUNTS, in: RECORDS, dead: 1 };
  // Of chunk 1 nothing was left until some of its records were tried again, and one is under way.
  for (const [chunk, counts] of [
    ['0~1-2', ONE],
    ['1~1-0', ONE],
    ['0', dead],
    ['1~1-3', ONE],
    ['2.1-2', ONE],
    ['1~1-2.0-2', ONE],
  ] as const) {
    rebuild.add({ ...leaf(9), chunk, counts });
  }
  const ledger = new Ledger(rebuild.checkpoint());
  expect(ledger.next).toBe(3);
  for (let seq = 0; seq < 4; seq++) {
    ledger.send(
      seq,
      { records: RECORDS, nextCursor: seq + 1, fraction: undefined, checksum: '00000000' },
      0,
    );
  }
  // Of chunk 2 the rest may still be missing, and of chunk 3 everything.
  expect([...ledger.inFlight()].map(({ seq }) => seq)).toEqual([2, 3]);
  // Three records are known of chunk 1, and one of chunk 2; the one under way counts as dead until it is whole.
  expect(ledger.totals.counts).toMatchObject({ in: RECORDS + 3 + 1 + 1, dead: 1 });
  expect([...ledger.redrives.inFlight()]).toEqual([]);
  ledger.redrives.add('1~1-2', 5);
  expect(ledger.settle({ ...leaf(9), chunk: '1~1-2.0-2', counts: ONE })).toBe('duplicate');
  expect(ledger.settle({ ...leaf(9), chunk: '1~1-2.1-2', counts: NO_COUNTS })).toBe('settled');
  expect(ledger.totals.counts).toMatchObject({ in: RECORDS + 3 + 1, dead: 0 });
});

test('does a chunk again that no sink knows, although records of another were redriven', () => {
  const rebuild = new LedgerRebuild();
  for (const chunk of ['0', '0~1-0', '2']) rebuild.add({ ...leaf(9), chunk, counts: ONE });
  const ledger = new Ledger(rebuild.checkpoint());
  for (let seq = 0; seq < 3; seq++) {
    ledger.send(
      seq,
      { records: 1, nextCursor: seq + 1, fraction: undefined, checksum: '00000000' },
      0,
    );
  }
  expect([...ledger.inFlight()].map(({ seq }) => seq)).toEqual([1]);
});

test('whatever the sinks hold of a run, the run ends with every record counted once', () => {
  const fates = fc.array(fc.constantFrom('whole', 'halves', 'first half', 'absent'), {
    minLength: 1,
    maxLength: 30,
  });
  fc.assert(
    fc.property(fates, fc.infiniteStream(fc.nat()), (dataset, order) => {
      const held = dataset.flatMap((fate, seq) => {
        if (fate === 'whole') return [leaf(seq)];
        if (fate === 'halves') return [leaf(seq, 0), leaf(seq, 1)];
        return fate === 'first half' ? [leaf(seq, 0)] : [];
      });
      const rebuild = new LedgerRebuild();
      for (const receipt of shuffled(held, order)) rebuild.add(receipt);
      const ledger = new Ledger(rebuild.checkpoint());

      const known = ledger.next;
      expect(known).toBe(dataset.findLastIndex((fate) => fate !== 'absent') + 1);
      for (const [seq] of dataset.entries()) {
        ledger.send(
          seq,
          { records: RECORDS, nextCursor: seq + 1, fraction: undefined, checksum: '00000000' },
          0,
        );
      }
      ledger.end();
      const missing = dataset.flatMap((fate, seq) =>
        fate === 'first half' || fate === 'absent' ? [seq] : [],
      );
      expect([...ledger.inFlight()].map(({ seq }) => seq)).toEqual(missing);

      // What is missing is made again, and the sink reports what it has as duplicates.
      for (const seq of missing) {
        for (const half of [0, 1] as const) ledger.settle(leaf(seq, half));
      }
      expect(ledger.isComplete).toBe(true);
      expect(ledger.totals.counts.in).toBe(dataset.length * RECORDS);
    }),
  );
});

function shuffled<T>(items: readonly T[], order: fc.Stream<number>): T[] {
  const keys = order.take(items.length);
  return items
    .map((item) => ({ item, key: keys.next().value ?? 0 }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
