import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SourceCheck, type SourceCheckpoint } from './source-check.ts';

const CHANGED = expect.objectContaining({ code: 'source-changed' });

const checksums = fc.oneof(
  fc.nat(0xffff_ffff).map((value) => value.toString(16).padStart(8, '0')),
  fc.constantFrom('00000000', '00000001', 'ffffffff'),
);
/** What each chunk of a dataset looks like. */
const datasets = fc.array(checksums, { minLength: 1, maxLength: 12 });
const choices = fc.array(fc.nat(4 * 97), { size: 'large', maxLength: 60 });

/** How a life begins: with nothing, or with so many chunks sent of which the receipts or nothing is known. */
type Beginning = 'new' | 'rebuilt' | 'unknown';

/** What a ledger does with its check, as simply as can be. */
class Life {
  readonly settled = new Set<number>();
  watermark = 0;
  next = 0;
  #head = 0;
  #check = new SourceCheck({ sum: 0 }, false);
  source: readonly string[];

  constructor(source: readonly string[], beginning: Beginning, settled: readonly number[] = []) {
    this.source = source;
    if (beginning === 'new') return;
    this.next = source.length;
    this.#check = new SourceCheck(
      beginning === 'rebuilt' ? { sum: 0, isOfSettled: true } : undefined,
      true,
    );
    for (const seq of settled) this.settle(seq % source.length);
  }

  get checkpoint(): SourceCheckpoint | undefined {
    return this.#check.checkpoint();
  }

  get isRead(): boolean {
    return this.#head === this.source.length;
  }

  read(): void {
    const seq = this.#head;
    const checksum = this.source[seq];
    if (checksum === undefined) return;
    this.#check.read(seq, checksum, this.settled.has(seq), seq + 1 === this.next);
    this.#head++;
    this.next = Math.max(this.next, this.#head);
    this.#advance();
  }

  readAll(): void {
    while (!this.isRead) this.read();
  }

  /** @param checksum what the receipt says */
  settle(seq: number, checksum: string | undefined = this.source[seq]): void {
    if (seq >= this.next || this.settled.has(seq)) return;
    this.#check.demandSame(seq, checksum);
    this.settled.add(seq);
    this.#check.settle(seq, checksum);
    this.#advance();
  }

  settleSilently(seq: number): void {
    if (seq >= this.next || this.settled.has(seq)) return;
    this.settled.add(seq);
    this.#check.settle(seq, undefined);
    this.#advance();
  }

  /** What a receipt that comes now would say of the chunk. */
  demandSame(seq: number, checksum: string | undefined): void {
    this.#check.demandSame(seq, checksum);
  }

  restart(source: readonly string[] = this.source): void {
    const text = JSON.stringify({ source: this.checkpoint });
    const { source: restored } = JSON.parse(text) as { source?: SourceCheckpoint };
    this.source = source;
    this.#check = new SourceCheck(restored, this.watermark < this.next);
    this.#head = this.watermark;
  }

  #advance(): void {
    while (this.watermark < this.#head && this.settled.has(this.watermark)) this.watermark++;
  }
}

/** Reads, receipts with and without checksums, and restarts, as a list of numbers says. */
function live(life: Life, todo: readonly number[], areChecksumsKnown: boolean): void {
  for (const choice of todo) {
    const seq = Math.floor(choice / 4) % Math.max(life.next, 1);
    if (choice % 4 === 0) life.read();
    else if (choice % 4 === 1) life.settle(seq);
    else if (choice % 4 === 2) life.restart();
    else if (areChecksumsKnown) life.settle(seq);
    else life.settleSilently(seq);
    const { sum } = life.checkpoint ?? { sum: 0 };
    // What a bucket's entry may have, however many chunks there are.
    if (!(Number.isInteger(sum) && sum >= 0 && sum < 2 ** 32)) expect.fail(`the sum ${sum}`);
  }
}

const beginnings = fc.constantFrom<Beginning>('new', 'rebuilt', 'unknown');

describe('SourceCheck', () => {
  test('raises no alarm at a source that gives the same, whatever happens', () => {
    fc.assert(
      fc.property(
        datasets,
        beginnings,
        fc.array(fc.nat(), { maxLength: 6 }),
        choices,
        fc.boolean(),
        (source, beginning, settled, todo, areChecksumsKnown) => {
          const life = new Life(source, beginning, settled);
          live(life, todo, areChecksumsKnown);
          life.readAll();
          life.restart();
          life.readAll();
          for (const seq of source.keys()) life.settle(seq);
          expect(life.watermark).toBe(source.length);
          expect(life.checkpoint).toEqual({ sum: 0 });
        },
      ),
      { numRuns: 400 },
    );
  });

  test('raises an alarm at a source that gives another chunk than had been sent', () => {
    fc.assert(
      fc.property(
        datasets,
        fc.constantFrom<Beginning>('new', 'rebuilt'),
        fc.array(fc.nat(), { maxLength: 6 }),
        choices,
        fc.nat(),
        checksums,
        (source, beginning, settled, todo, choice, other) => {
          const life = new Life(source, beginning, settled);
          live(life, todo, true);
          fc.pre(life.watermark < life.next);
          const changed = life.watermark + (choice % (life.next - life.watermark));
          fc.pre(source[changed] !== other);
          const isCompared = life.checkpoint?.isOfSettled !== true || life.settled.has(changed);
          const { watermark } = life;
          life.restart(source.with(changed, other));
          if (isCompared) expect(() => life.readAll()).toThrow(CHANGED);
          else {
            // Of what is in flight the sinks cannot have known: its receipt says so.
            life.readAll();
            expect(() => life.settle(changed, source[changed])).toThrow(CHANGED);
          }
          // It can go on as soon as the source is put back, unless what had changed is behind it by then.
          life.restart(source);
          if (isCompared && life.watermark === watermark) life.readAll();
        },
      ),
      { numRuns: 400 },
    );
  });

  test('raises an alarm at chunks that have changed places', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(checksums, { minLength: 2, maxLength: 9 }),
        fc.nat(),
        (source, n) => {
          const life = new Life(source, 'new');
          life.readAll();
          const at = n % (source.length - 1);
          const [one, other] = [source[at] ?? '', source[at + 1] ?? ''];
          // What differs in the first bit alone may not be told apart.
          fc.pre((Number.parseInt(one, 16) ^ Number.parseInt(other, 16)) !== -(2 ** 31));
          life.restart(source.with(at, other).with(at + 1, one));
          expect(() => life.readAll()).toThrow(CHANGED);
        },
      ),
    );
  });

  test('compares nothing where nothing is known of what was sent before a restart', () => {
    const life = new Life(['00000001', '00000002'], 'unknown');
    expect(life.checkpoint).toBeUndefined();
    life.read();
    // Not even what is known of the first: it would be taken for all of them.
    expect(life.checkpoint).toBeUndefined();
    life.restart(['00000008', '00000009']);
    life.readAll();
    expect(life.checkpoint).toEqual({ sum: 8 + 3 * 9 });
    life.restart(['00000001', '00000002']);
    expect(() => life.readAll()).toThrow(
      expect.objectContaining({
        message:
          'The dataset is not what it was when the run began, or the pipeline file reads it otherwise: chunks that had been sent are different now. Put it back to go on with the run, or begin a new one.',
      }),
    );
  });

  test('compares nothing any more once a receipt that says nothing of the source is among those of the sinks', () => {
    const life = new Life(['00000001', '00000002'], 'rebuilt', [0]);
    expect(life.checkpoint).toEqual({ sum: 1, isOfSettled: true });
    life.settleSilently(1);
    expect(life.checkpoint).toBeUndefined();
    life.restart(['00000008', '00000009']);
    life.readAll();
  });

  test('holds a receipt against what the source gave in this life, if both are known', () => {
    const life = new Life(['00000001', '00000002'], 'new');
    life.read();
    life.demandSame(0, '00000001');
    life.demandSame(0, undefined);
    life.demandSame(1, '0000000f');
    expect(() => life.demandSame(0, '00000002')).toThrow(
      expect.objectContaining({
        code: 'source-changed',
        message: expect.stringMatching(
          /^Chunk 0 of the dataset is not what it was when it was sent/,
        ),
      }),
    );
    life.settle(0);
    // What is settled is forgotten.
    life.demandSame(0, '00000002');
  });
});
