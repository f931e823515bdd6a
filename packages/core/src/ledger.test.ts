import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Counts, divideCounts, NO_COUNTS, recordsOf } from './counts.ts';
import { EMPTY_DIGEST } from './digest.ts';
import { LeatError } from './errors.ts';
import type { JsonValue } from './json.ts';
import type { ChunkInFlight } from './in-flight.ts';
import { Ledger } from './ledger.ts';
import { FIRST_CHECKPOINT, type LedgerCheckpoint } from './ledger-checkpoint.ts';
import type { Receipt } from './receipt.ts';

type Division = readonly Division[];

/** A chunk of a made-up dataset, with the receipts of its leaves. */
interface Chunk {
  readonly records: number;
  readonly receipts: readonly Receipt[];
  /** What the source gives; receipts may say it, too. */
  readonly checksum?: string;
}

const { division } = fc.letrec<{ division: Division }>((tie) => ({
  division: fc.oneof(
    { depthSize: 'small' },
    { weight: 3, arbitrary: fc.constant<Division>([]) },
    { weight: 1, arbitrary: fc.array(tie('division'), { minLength: 2, maxLength: 3 }) },
  ),
}));

const checksum = fc.nat(0xffff_ffff).map((value) => value.toString(16).padStart(8, '0'));

const chunk: fc.Arbitrary<
  Required<Omit<Chunk, 'receipts'>> & {
    readonly counts: Counts;
    readonly division: Division;
    readonly isSourceTold: boolean;
  }
> = fc
  .record({
    records: fc.integer({ min: 0, max: 9 }),
    expanded: fc.integer({ min: 0, max: 9 }),
    filtered: fc.nat(),
    dead: fc.nat(),
    retries: fc.integer({ min: 0, max: 3 }),
    division,
    checksum,
    isSourceTold: fc.boolean(),
  })
  .map(({ records, expanded, filtered, dead, retries, division: divided, ...rest }) => {
    const left = filtered % (records + expanded + 1);
    const given = dead % (records + expanded - left + 1);
    const counts = { in: records, expanded, filtered: left, dead: given, retries };
    return { records, counts, division: divided, ...rest };
  });

const dataset: fc.Arbitrary<Chunk[]> = fc.array(chunk, { maxLength: 10 }).map((chunks) =>
  chunks.map(({ records, counts, division: divided, checksum: source, isSourceTold }, seq) => ({
    records,
    checksum: source,
    receipts: receiptsOf(seq, counts, leavesOf(divided)).map((receipt) =>
      isSourceTold ? { ...receipt, source } : receipt,
    ),
  })),
);

function leavesOf(divided: Division, path = ''): string[] {
  if (divided.length === 0) return [path];
  return divided.flatMap((child, place) => leavesOf(child, `${path}.${place}-${divided.length}`));
}

function receiptsOf(seq: number, counts: Counts, leaves: readonly string[]): Receipt[] {
  const records = recordsOf(counts);
  const sizes = leaves.map((_, place) => Math.floor((records + place) / leaves.length));
  return divideCounts(counts, sizes).map((piece, place) => {
    const id = `${seq}${leaves[place]}`;
    const digest = createHash('md5').update(id).digest('hex');
    const digestOrNone = recordsOf(piece) === 0 ? '' : digest;
    return { chunk: id, counts: piece, digest: digestOrNone, fence: 1, buried: [] };
  });
}

function cursorOf(seq: number): JsonValue {
  return seq === 0 ? null : { line: seq };
}

function bytesOf(seq: number): number {
  return 1 + (seq % 7) * 100;
}

function sendNext(ledger: Ledger, seq: number, sent: Chunk, now = 0): void {
  const { records, checksum: source = '00000000' } = sent;
  ledger.send(
    seq,
    {
      records,
      bytes: bytesOf(seq),
      nextCursor: cursorOf(seq + 1),
      fraction: (seq + 1) / 1024,
      checksum: source,
    },
    now,
  );
}

/** What a ledger has come to when everything goes well. */
function undisturbed(chunks: readonly Chunk[]): Ledger {
  const ledger = new Ledger();
  for (const [seq, sent] of chunks.entries()) {
    sendNext(ledger, seq, sent);
    for (const receipt of sent.receipts) ledger.settle(receipt);
  }
  ledger.end();
  return ledger;
}

function restored(checkpoint: LedgerCheckpoint): Ledger {
  return new Ledger(JSON.parse(JSON.stringify(checkpoint)) as LedgerCheckpoint);
}

/** The chunks that are settled according to a plain set of leaves. */
function settledIn(saved: ReadonlySet<string>, chunks: readonly Chunk[]): boolean[] {
  return chunks.map(({ receipts }) => receipts.every((receipt) => saved.has(receipt.chunk)));
}

/** Checks a checkpoint against a plain set of the leaves that the ledger was told of. */
function checkAgainst(
  saved: ReadonlySet<string>,
  checkpoint: LedgerCheckpoint,
  chunks: readonly Chunk[],
): void {
  const ledger = restored(checkpoint);
  expect(chunks.map((_, seq) => ledger.isSettled(seq))).toEqual(settledIn(saved, chunks));
  for (const receipt of chunks.slice(0, checkpoint.next).flatMap(({ receipts }) => receipts)) {
    expect(restored(checkpoint).settle(receipt) === 'duplicate').toBe(saved.has(receipt.chunk));
  }
  expect(checkpoint.cursor).toEqual(cursorOf(checkpoint.watermark));
  expect(checkpoint.settledAbove.length).toBeLessThanOrEqual(ledger.inFlightCount + 1);
  expect(Object.keys(checkpoint.partly).length).toBeLessThanOrEqual(ledger.inFlightCount);
}

/**
 * A fetcher's life as a list of numbers: each stands for sending, a receipt, a checkpoint or a crash. What
 * a crash loses comes again: chunks sent after the checkpoint are sent again, receipts that are not in it
 * are delivered again.
 */
function live(chunks: readonly Chunk[], choices: readonly number[]): Ledger {
  let ledger = new Ledger();
  let head = 0;
  let checkpoint: LedgerCheckpoint = FIRST_CHECKPOINT;
  let savedAtCheckpoint = new Set<string>();
  let saved = new Set<string>();
  const issued: Receipt[] = [];
  const send = (): void => {
    const next = chunks[head];
    if (next === undefined) return ledger.end();
    if (issued.every((receipt) => Number.parseInt(receipt.chunk, 10) < head)) {
      issued.push(...next.receipts);
    }
    sendNext(ledger, head, next);
    head++;
  };
  const deliver = (receipt: Receipt): void => {
    const before = ledger.checkpoint();
    const settlement = ledger.settle(receipt);
    const isPremature = Number.parseInt(receipt.chunk, 10) >= before.next;
    expect(settlement === 'premature').toBe(isPremature);
    expect(settlement === 'duplicate').toBe(saved.has(receipt.chunk));
    expect(isPremature ? ledger.checkpoint() : before).toEqual(before);
    if (!isPremature) saved.add(receipt.chunk);
  };
  for (const choice of choices) {
    const kind = choice % 8;
    const receipt = issued[Math.floor(choice / 8) % Math.max(issued.length, 1)];
    if (kind < 3) send();
    else if (kind < 6 && receipt !== undefined) deliver(receipt);
    else if (kind === 6) {
      checkpoint = ledger.checkpoint();
      savedAtCheckpoint = new Set(saved);
      checkAgainst(saved, checkpoint, chunks);
    } else {
      ledger = restored(checkpoint);
      head = ledger.watermark;
      saved = new Set(savedAtCheckpoint);
    }
  }
  while (!ledger.ended || head < chunks.length) send();
  for (const receipt of issued) if (!saved.has(receipt.chunk)) deliver(receipt);
  return ledger;
}

describe('Ledger, whatever happens', () => {
  test('ends the same for any order, any duplicates and any crashes', () => {
    fc.assert(
      fc.property(
        dataset,
        fc.array(fc.nat({ max: 8 * 97 }), { size: 'large', maxLength: 120 }),
        (chunks, choices) => {
          const expected = undisturbed(chunks);
          const ledger = live(chunks, choices);
          expect(ledger.isComplete).toBe(true);
          expect(expected.isComplete).toBe(true);
          const { duplicates: _, ...totals } = ledger.totals;
          expect({ ...totals, duplicates: 0 }).toEqual(expected.totals);
          expect(ledger.checkpoint().digest).toBe(expected.checkpoint().digest);
          expect(ledger.checkpoint()).toMatchObject({
            watermark: chunks.length,
            settledAbove: [],
            partly: {},
            source: { sum: 0 },
          });
        },
      ),
      { numRuns: 400 },
    );
  });

  test('notices after a restart what has changed of what was in flight, and goes on when it is put back', () => {
    fc.assert(
      fc.property(
        dataset.filter(({ length }) => length > 0),
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.nat(),
        checksum,
        (chunks, settled, choice, other) => {
          const before = new Ledger();
          for (const [seq, sent] of chunks.entries()) sendNext(before, seq, sent);
          const receipts = chunks.flatMap((each) => each.receipts);
          for (const n of settled) before.settle(receipts[n % receipts.length] as Receipt);
          const left = [...before.inFlight()];
          fc.pre(left.length > 0);
          const { seq: changed } = left[choice % left.length] as ChunkInFlight;
          fc.pre(chunks[changed]?.checksum !== other);
          const ledger = restored(before.checkpoint());
          const isChanged = (seq: number): boolean => seq === changed;
          const recall = (): void => {
            for (const [seq, sent] of chunks.entries()) {
              if (seq < before.watermark) continue;
              sendNext(ledger, seq, isChanged(seq) ? { ...sent, checksum: other } : sent);
            }
          };
          expect(recall).toThrow(expect.objectContaining({ code: 'source-changed' }));
          expect(ledger.checkpoint()).toEqual(before.checkpoint());
          const again = restored(ledger.checkpoint());
          for (const [seq, sent] of chunks.entries()) {
            if (seq >= again.watermark) sendNext(again, seq, sent);
          }
          again.end();
          for (const receipt of receipts) again.settle(receipt);
          expect(again.isComplete).toBe(true);
        },
      ),
    );
  });

  test('is complete when the last leaf is saved and not before', () => {
    fc.assert(
      fc.property(dataset, fc.infiniteStream(fc.nat()), (chunks, random) => {
        const ledger = new Ledger();
        for (const [seq, sent] of chunks.entries()) sendNext(ledger, seq, sent);
        ledger.end();
        const waiting = chunks.flatMap(({ receipts }) => receipts);
        while (waiting.length > 0) {
          expect(ledger.isComplete).toBe(false);
          const at = random.next().value % waiting.length;
          for (const receipt of waiting.splice(at, 1)) ledger.settle(receipt);
          const inFlight = [...ledger.inFlight()];
          expect(ledger.inFlightCount).toBe(inFlight.length);
          expect(ledger.inFlightBytes).toBe(
            inFlight.reduce((sum, { seq }) => sum + bytesOf(seq), 0),
          );
        }
        expect(ledger.isComplete).toBe(true);
        const totals = ledger.totals.counts;
        expect(totals.in).toBe(chunks.reduce((sum, { records }) => sum + records, 0));
      }),
    );
  });

  test('keeps its checkpoint small however long the dataset is', () => {
    const ledger = new Ledger();
    const window = 16;
    let largest = 0;
    for (let seq = 0; seq < 20_000; seq++) {
      sendNext(ledger, seq, { records: 1, receipts: [] });
      // Settles every second chunk at once and the others a window later.
      const late = seq % 2 === 0 ? seq : seq - window;
      if (late >= 0) ledger.settle(receiptOf(`${late}`, 1));
      if (seq % 97 === 0) largest = Math.max(largest, JSON.stringify(ledger.checkpoint()).length);
      expect(ledger.inFlightCount).toBeLessThanOrEqual(window);
    }
    expect(largest).toBeLessThan(600);
  });
});

function receiptOf(id: string, records: number, counts: Partial<Counts> = {}): Receipt {
  const all = { ...NO_COUNTS, in: records, ...counts };
  return { chunk: id, counts: all, digest: '', fence: 1, buried: [] };
}

/** A ledger that has sent chunks of ten records, and which of them are settled. */
function ledgerOf(sent: number, settled: readonly number[] = []): Ledger {
  const ledger = new Ledger();
  for (let seq = 0; seq < sent; seq++) sendNext(ledger, seq, { records: 10, receipts: [] }, seq);
  for (const seq of settled) ledger.settle(receiptOf(`${seq}`, 10));
  return ledger;
}

describe('Ledger', () => {
  test('begins with nothing', () => {
    const ledger = new Ledger();
    expect(ledger.checkpoint()).toEqual(FIRST_CHECKPOINT);
    expect(ledger).toMatchObject({ watermark: 0, next: 0, ended: false, inFlightCount: 0 });
    expect(ledger.isComplete).toBe(false);
    expect(ledger.checkpoint().digest).toBe(EMPTY_DIGEST);
  });

  test('is complete at once when the dataset is empty', () => {
    const ledger = new Ledger();
    ledger.end();
    expect(ledger.isComplete).toBe(true);
    expect(ledger.ended).toBe(true);
  });

  test('lists what is in flight, with where to read it and when it was sent', () => {
    const ledger = ledgerOf(3, [1]);
    expect([...ledger.inFlight()]).toEqual([
      { seq: 0, cursor: null, records: 10, bytes: bytesOf(0), sentAt: 0, resends: 0 },
      { seq: 2, cursor: { line: 2 }, records: 10, bytes: bytesOf(2), sentAt: 2, resends: 0 },
    ]);
    expect(ledger.inFlightCount).toBe(2);
  });

  test('notes when a chunk was put on its queues, unless it is settled already', () => {
    const ledger = ledgerOf(2, [1]);
    ledger.sent(0, 500);
    ledger.sent(1, 500);
    expect([...ledger.inFlight()].map(({ seq, sentAt }) => [seq, sentAt])).toEqual([[0, 500]]);
  });

  test('counts how often a chunk is sent again, and does not take it for sent until it is', () => {
    const ledger = ledgerOf(2, [1]);
    const inFlight = (): unknown[] =>
      [...ledger.inFlight()].map(({ seq, sentAt, resends }) => [seq, sentAt, resends]);
    expect([ledger.resend(0), ledger.resend(0)]).toEqual([1, 2]);
    expect(inFlight()).toEqual([[0, Number.POSITIVE_INFINITY, 2]]);
    ledger.sent(0, 500);
    expect(inFlight()).toEqual([[0, 500, 2]]);
    // Of one that is settled meanwhile there is nothing to count.
    expect(ledger.resend(1)).toBe(0);
  });

  test('keeps the cursor of the chunk at the watermark', () => {
    const { watermark, cursor, settledAbove } = ledgerOf(5, [0, 2, 4]).checkpoint();
    expect(watermark).toBe(1);
    expect(cursor).toEqual({ line: 1 });
    expect(settledAbove).toEqual([
      [2, 3],
      [4, 5],
    ]);
  });

  test('ignores a receipt for a chunk that was never sent', () => {
    const ledger = ledgerOf(1);
    expect(ledger.settle(receiptOf('1', 10))).toBe('premature');
    expect(ledger.settle(receiptOf('not an id', 10))).toBe('premature');
    expect(ledger.totals).toEqual(FIRST_CHECKPOINT.totals);
  });

  test('counts a duplicate and changes nothing else', () => {
    const ledger = ledgerOf(2, [1]);
    expect(ledger.settle(receiptOf('0.0-2', 5))).toBe('part');
    const before = ledger.checkpoint();
    expect(ledger.settle(receiptOf('1', 10))).toBe('duplicate');
    expect(ledger.settle(receiptOf('1.0-2', 5))).toBe('duplicate');
    expect(ledger.settle(receiptOf('0.0-2', 5))).toBe('duplicate');
    const after = ledger.checkpoint();
    expect(after).toEqual({ ...before, totals: { ...before.totals, duplicates: 3 } });
  });

  test.each([
    ['every record was saved', { in: 10 }, 'saved'],
    ['every record was filtered', { in: 10, filtered: 10 }, 'saved'],
    ['some are dead and the rest is filtered', { in: 10, filtered: 4, dead: 6 }, 'saved'],
    ['some are dead and the rest is saved', { in: 10, dead: 9 }, 'saved'],
    ['every record is dead', { in: 10, dead: 10 }, 'dead'],
    ['every copy is dead', { in: 10, expanded: 10, dead: 20 }, 'dead'],
  ] as const)('counts a chunk of which %s', (_, counts, kind) => {
    const ledger = ledgerOf(1);
    ledger.settle(receiptOf('0', 10, counts));
    const { savedChunks, deadChunks } = ledger.totals;
    expect({ savedChunks, deadChunks }).toEqual(
      kind === 'saved' ? { savedChunks: 1, deadChunks: 0 } : { savedChunks: 0, deadChunks: 1 },
    );
  });

  test('counts an empty chunk as saved', () => {
    const ledger = new Ledger();
    sendNext(ledger, 0, { records: 0, receipts: [] });
    expect(ledger.settle(receiptOf('0', 0))).toBe('settled');
    expect(ledger.totals.savedChunks).toBe(1);
  });

  test.each([1, -1])('refuses a chunk that is sent out of order', (off) => {
    const ledger = ledgerOf(3);
    const send = (): void => sendNext(ledger, 3 + off, { records: 1, receipts: [] });
    expect(send).toThrow(
      new LeatError(
        'source-changed',
        `The source gave chunk ${3 + off} where the ledger expects chunk 3.`,
      ),
    );
  });

  test('refuses books that do not add up, and stays as it was', () => {
    const ledger = ledgerOf(1);
    ledger.settle(receiptOf('0.1-2', 5));
    const before = ledger.checkpoint();
    const wrong = (): unknown => ledger.settle(receiptOf('0.0-2', 4));
    const message = 'Chunk 0 was sent with 10 records and its receipts account for 9.';
    expect(wrong).toThrow(new LeatError('run-failed', message));
    expect(ledger.checkpoint()).toEqual(before);
    expect(ledger.settle(receiptOf('0.0-2', 5))).toBe('settled');
  });

  test('refuses a chunk that was divided in two ways, and stays as it was', () => {
    const ledger = ledgerOf(1);
    ledger.settle(receiptOf('0.1-2', 0, { expanded: 5 }));
    const before = ledger.checkpoint();
    expect(() => ledger.settle(receiptOf('0', 10, { expanded: 5 }))).toThrow(
      'Chunk 0 was divided in two different ways: some of its records may have been saved twice, or not at all.',
    );
    expect(ledger.checkpoint()).toEqual(before);
  });

  test('refuses pieces of two divisions, whose books agree, also after a restart', () => {
    const piece = (id: string, token: string): Receipt => ({
      ...receiptOf(id, 5),
      division: token,
    });
    for (const isRestarted of [false, true]) {
      const first = ledgerOf(1);
      expect(first.settle(piece('0.0-2', 'aaaaaaaa'))).toBe('part');
      const before = first.checkpoint();
      const ledger = isRestarted ? restored(before) : first;
      expect(() => ledger.settle(piece('0.1-2', 'bbbbbbbb'))).toThrow('in two different ways');
      expect(ledger.checkpoint()).toEqual(before);
      expect(ledger.settle(piece('0.1-2', 'aaaaaaaa'))).toBe('settled');
      expect(ledger.checkpoint().partly).toEqual({});
    }
  });
});

describe('Ledger, after a restart', () => {
  test('knows what is in flight only when it has been recalled', () => {
    const ledger = restored(ledgerOf(4, [0, 2]).checkpoint());
    expect(ledger.inFlightCount).toBe(2);
    expect([...ledger.inFlight()]).toEqual([]);
    for (let seq = 1; seq < 4; seq++) sendNext(ledger, seq, { records: 10, receipts: [] }, 99);
    expect([...ledger.inFlight()].map(({ seq, sentAt }) => [seq, sentAt])).toEqual([
      [1, 99],
      [3, 99],
    ]);
    expect(ledger.next).toBe(4);
  });

  test('never parts the watermark from its cursor, though receipts come before the recall', () => {
    const ledger = restored(ledgerOf(6, [2, 3]).checkpoint());
    expect(ledger.settle(receiptOf('0', 10))).toBe('settled');
    expect(ledger.checkpoint()).toMatchObject({ watermark: 0, cursor: null });
    sendNext(ledger, 0, { records: 10, receipts: [] });
    expect(ledger.checkpoint()).toMatchObject({ watermark: 1, cursor: { line: 1 } });
    expect(ledger.settle(receiptOf('1', 10))).toBe('settled');
    expect(ledger.checkpoint()).toMatchObject({
      watermark: 1,
      cursor: { line: 1 },
      settledAbove: [[1, 4]],
    });
    sendNext(ledger, 1, { records: 10, receipts: [] });
    sendNext(ledger, 2, { records: 10, receipts: [] });
    expect(ledger.checkpoint()).toMatchObject({ watermark: 3, cursor: { line: 3 } });
    sendNext(ledger, 3, { records: 10, receipts: [] });
    expect(ledger.checkpoint()).toMatchObject({ watermark: 4, cursor: { line: 4 } });
  });

  test('is complete when all receipts have come, without a recall', () => {
    const before = ledgerOf(3, [1]);
    before.end();
    const ledger = restored(before.checkpoint());
    ledger.settle(receiptOf('2', 10));
    expect(ledger.isComplete).toBe(false);
    ledger.settle(receiptOf('0', 10));
    expect(ledger.isComplete).toBe(true);
    expect(restored(ledger.checkpoint()).isComplete).toBe(true);
  });

  test('can be written down when a changed dataset takes away more than there was', () => {
    const settledAbove = [[0, 2]] as const;
    const source = { sum: 7, isOfSettled: true };
    const ledger = new Ledger({ ...FIRST_CHECKPOINT, next: 2, settledAbove, source });
    const sent = { records: 1, nextCursor: 1, fraction: undefined, checksum: 'ffffffff' };
    ledger.send(0, sent, 0);
    expect(() => ledger.send(1, sent, 0)).toThrow(
      expect.objectContaining({ code: 'source-changed' }),
    );
    expect(ledger.checkpoint().source?.sum).toBeGreaterThanOrEqual(0);
    // So that the next fetcher finds it out, too.
    const next = new Ledger(ledger.checkpoint());
    expect(() => next.send(1, sent, 0)).toThrow(
      expect.objectContaining({ code: 'source-changed' }),
    );
  });

  test('refuses to make a chunk whole of pieces of two datasets', () => {
    const ledger = new Ledger({ ...FIRST_CHECKPOINT, next: 1 });
    const pieces = [0, 1].map((place) => receiptOf(`0.${place}-2`, 5));
    ledger.settle({ ...pieces[0]!, source: '0000000a' });
    const again = new Ledger(ledger.checkpoint());
    expect(() => again.settle({ ...pieces[1]!, source: '0000000b' })).toThrow(
      expect.objectContaining({ code: 'source-changed' }),
    );
    expect(again.settle({ ...pieces[1]!, source: '0000000a' })).toBe('settled');
  });

  test('refuses a source that has become shorter', () => {
    const ledger = restored(ledgerOf(3).checkpoint());
    sendNext(ledger, 0, { records: 10, receipts: [] });
    expect(() => ledger.end()).toThrow(
      new LeatError(
        'source-changed',
        'The source ended before chunk 1, and chunks up to 2 had been sent.',
      ),
    );
    expect(ledger.ended).toBe(false);
  });

  test('refuses a source whose last chunk in flight has changed, and keeps the cursor of the chunk before', () => {
    const ledger = restored(ledgerOf(2, [0]).checkpoint());
    // It is settled before it is known where it can be read.
    ledger.settle(receiptOf('1', 10));
    const before = ledger.checkpoint();
    const changed = { records: 10, receipts: [], checksum: '00000001' };
    expect(() => sendNext(ledger, 1, changed)).toThrow('chunks that had been sent are different');
    expect(ledger.checkpoint()).toEqual(before);
  });

  test('compares nothing where an earlier version has kept no checksums, also when it is stopped again', () => {
    const { source: _, ...earlier } = ledgerOf(3).checkpoint();
    const first = restored(earlier);
    const read = { records: 10, receipts: [], checksum: '0000000a' };
    sendNext(first, 0, read);
    expect(first.checkpoint()).not.toHaveProperty('source');
    const second = restored(first.checkpoint());
    for (let seq = 0; seq < 3; seq++) sendNext(second, seq, read);
    // From now on it is known what was sent.
    const third = restored(second.checkpoint());
    for (let seq = 0; seq < 2; seq++) sendNext(third, seq, read);
    const changed = { ...read, checksum: '0000000b' };
    expect(() => sendNext(third, 2, changed)).toThrow('chunks that had been sent are different');
  });

  test('refuses a receipt that comes from another chunk than the source gives now', () => {
    const ledger = ledgerOf(1);
    const before = ledger.checkpoint();
    const strange = { ...receiptOf('0', 10), source: '00000001' };
    const refusal = expect.objectContaining({ code: 'source-changed' });
    expect(() => ledger.settle(strange)).toThrow(refusal);
    expect(() => ledger.settle({ ...strange, chunk: '0.0-2' })).toThrow(refusal);
    expect(ledger.checkpoint()).toEqual(before);
    expect(() => ledger.demandSame(0, '00000001')).toThrow(refusal);
    ledger.demandSame(0, '00000000');
    expect(ledger.settle({ ...strange, source: '00000000' })).toBe('settled');
  });

  test('estimates which share of the dataset is settled', () => {
    const ledger = new Ledger();
    expect(ledger.checkpoint().fraction).toBeNull();
    for (let seq = 0; seq < 4; seq++) {
      ledger.send(
        seq,
        { records: 1, nextCursor: seq, fraction: (seq + 1) / 8, checksum: '00000000' },
        0,
      );
    }
    ledger.settle(receiptOf('2', 1));
    expect(ledger.checkpoint().fraction).toBe(1 / 8);
    const next = restored(ledger.checkpoint());
    next.send(0, { records: 1, nextCursor: 0, fraction: 1 / 8, checksum: '00000000' }, 0);
    expect(next.checkpoint().fraction).toBe(1 / 8);
    for (let seq = 1; seq < 4; seq++) {
      next.send(
        seq,
        { records: 1, nextCursor: seq, fraction: (seq + 1) / 8, checksum: '00000000' },
        0,
      );
    }
    next.settle(receiptOf('0', 1));
    expect(next.checkpoint().fraction).toBe(2 / 8);
  });

  test('does not guess at a source that cannot tell, until all is settled', () => {
    const ledger = new Ledger();
    ledger.send(0, { records: 1, nextCursor: 1, fraction: undefined, checksum: '00000000' }, 0);
    expect(ledger.checkpoint().fraction).toBeNull();
    ledger.end();
    ledger.settle(receiptOf('0', 1));
    expect(ledger.checkpoint().fraction).toBe(1);
  });
});
