import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyGraph } from './any-graph.testsuite.ts';
import { formatChunkId } from './chunk-id.ts';
import { addCounts, type Counts, NO_COUNTS } from './counts.ts';
import {
  contradicts,
  divisionToken,
  isDivisions,
  learn,
  withDeaths,
  withToken,
} from './division.ts';
import { fanOut, type FinishedChunk } from './fan-out.ts';
import { Ledger } from './ledger.ts';
import type { Receipt } from './receipt.ts';
import type { PipelineSpec } from './spec.ts';

const A = 'aaaaaaaa';
const B = 'bbbbbbbb';

describe('a token', () => {
  const origins = fc.array(fc.nat(3_000_000), { maxLength: 9 });

  test('is the same for the same division, and hardly ever for another', () => {
    fc.assert(
      fc.property(fc.array(origins), fc.array(origins), (one, other) => {
        const isSame = JSON.stringify(one) === JSON.stringify(other);
        expect(divisionToken(one)).toMatch(/^[0-9a-f]{8}$/);
        expect(divisionToken(one) === divisionToken(other)).toBe(isSame);
        expect(divisionToken(one)).toBe(divisionToken(structuredClone(one)));
      }),
    );
  });

  test.each([
    [
      [[0, 1], [2]],
      [[0], [1, 2]],
    ],
    [[[0, 1, 2]], [[0, 1, 2], []]],
    [[[0, 2]], [[0, 1]]],
    [[[0]], [[0x1_00_00]]],
    [[[1, 1, 2]], [[1, 2, 2]]],
  ])('tells %j from %j', (one, other) => {
    expect(divisionToken(one)).not.toBe(divisionToken(other));
  });
});

describe('what stages say', () => {
  test.each([
    ['', '', A],
    ['.0-2', '', `.${A}`],
    ['.0-2', B, `${B}.${A}`],
    ['.0-2.1-3', `.${B}`, `.${B}.${A}`],
    ['.0-2.1-3.0-5', B, `${B}...${A}`],
  ])('of %j, %j, has a place for each step: %j', (path, said, expected) => {
    expect(withToken(path, said, A)).toBe(expected);
    expect(isDivisions(expected)).toBe(true);
  });

  test.each(['AAAAAAAA', 'aaaaaaa', `${A}${A}`, `${A},${A}`, `${A} `, '.'.repeat(41), `${A}\n`])(
    'is not %j',
    (text) => {
      expect(isDivisions(text)).toBe(false);
    },
  );

  test('is more of records that were given up, and goes into the token of the next division', () => {
    expect(withDeaths('', '', [])).toBe('');
    expect(withDeaths('.0-2', A, [])).toBe(A);
    const three = withDeaths('', '', [3]);
    expect(three).toMatch(/^[0-9a-f]{8}$/);
    expect(withDeaths('.0-2.1-2', A, [3])).toBe(`${A}..${three}`);
    const said = [
      '',
      three,
      withDeaths('', '', [4]),
      withDeaths('', '', [3, 4]),
      withDeaths('', three, [4]),
    ];
    expect(new Set(said).size).toBe(said.length);
    const tokens = said.map((each) => withToken('', each, A));
    expect(tokens[0]).toBe(A);
    expect(new Set(tokens).size).toBe(said.length);
    for (const token of tokens) expect(isDivisions(token)).toBe(true);
  });

  test('is compared at each place that was divided, and forgotten where all of it is settled', () => {
    const known = new Map<string, string>();
    learn(known, '.0-2.1-3', `.${A}`, new Set(['.0-2.1-3']));
    learn(known, '.1-2', undefined, new Set(['.0-2.1-3', '.1-2']));
    expect([...known]).toEqual([['.0-2', A]]);
    expect(contradicts(known, '.0-2.0-4', `.${B}`)).toBe(true);
    expect(contradicts(known, '.0-2.0-3', `.${A}`)).toBe(false);
    expect(contradicts(known, '.0-2.0-3')).toBe(false);
    expect(contradicts(known, '.1-2.0-2', `.${B}`)).toBe(false);
    // More is said than there are steps: nobody can have meant it.
    expect(contradicts(known, '.0-2', `.${B}`)).toBe(false);
    learn(known, '.0-2.0-3', `.${A}`, new Set(['.0-2', '.1-2']));
    expect([...known]).toEqual([]);
  });
});

/** What a chunk holds at some stage: lines, by the record that they come from and their number among its lines. */
interface Held extends FinishedChunk {
  readonly lines: readonly { readonly origin: number; readonly line: string }[];
}

interface Leaf {
  readonly stage: string;
  readonly receipt: Receipt;
  readonly lines: readonly string[];
}

/** One execution of a graph: which records die where, by chance; all else is a function of the record. */
class Execution {
  readonly leaves = new Map<string, Leaf>();
  readonly #spec: PipelineSpec;
  readonly #dies: () => boolean;

  constructor(spec: PipelineSpec, dies: () => boolean) {
    this.#spec = spec;
    this.#dies = dies;
  }

  pass(stage: string, held: Held): void {
    const kind = this.#spec.stages.find(({ name }) => name === stage)?.kind;
    if (kind === 'saver') {
      this.#end(stage, held, held.counts);
      return;
    }
    const after = kind === 'mapper' ? this.#work(stage, held) : held;
    const pieces = cut(after.lines);
    if (pieces.length === 0) this.#end(stage, held, after.counts);
    const token =
      kind === 'mapper' ? () => divisionToken(pieces.map(({ origins }) => origins)) : undefined;
    for (const child of fanOut(this.#spec, stage, after, pieces, token)) {
      this.pass(child.reader, { ...child, lines: child.piece.lines });
    }
  }

  /** Each record has from none to two lines, by its number. */
  #work(stage: string, { lines, ...held }: Held): Held {
    let own: Counts = NO_COUNTS;
    const dead: number[] = [];
    const made = lines.flatMap(({ origin, line }, place) => {
      if (this.#dies()) {
        own = addCounts(own, { ...NO_COUNTS, dead: 1 });
        dead.push(place);
        return [];
      }
      const count = (origin * 7 + stage.length) % 3;
      const books = count === 0 ? { filtered: 1 } : { expanded: count - 1 };
      own = addCounts(own, { ...NO_COUNTS, ...books });
      return Array.from({ length: count }, (_, n) => ({ origin, line: `${line}/${stage}.${n}` }));
    });
    return { ...held, counts: addCounts(held.counts, own), lines: made, dead };
  }

  #end(stage: string, { chunk, division, lines }: Held, counts: Counts): void {
    const id = formatChunkId(chunk);
    const receipt = { chunk: id, counts, digest: '', fence: 0, buried: [] };
    const saved = this.#spec.stages.some(({ name, kind }) => name === stage && kind === 'saver');
    this.leaves.set(id, {
      stage,
      receipt: { ...receipt, ...(division !== undefined && { division }) },
      lines: saved ? lines.map(({ line }) => line) : [],
    });
  }
}

/** Evenly into pieces of two or three lines, where there are more than four. */
function cut(
  lines: Held['lines'],
): { readonly lines: Held['lines']; readonly origins: number[]; readonly records: number }[] {
  if (lines.length === 0) return [];
  const count = lines.length > 4 ? Math.ceil(lines.length / 3) : 1;
  return Array.from({ length: count }, (_, place) => {
    const [from, to] = [place, place + 1].map((each) => Math.floor((each * lines.length) / count));
    const some = lines.slice(from, to);
    return { lines: some, origins: some.map(({ origin }) => origin), records: some.length };
  });
}

const ROOT = { chunk: { seq: 0, path: '' } };

describe('a ledger that takes leaves of two executions', () => {
  const drawn = fc.record({
    spec: anyGraph,
    records: fc.integer({ min: 1, max: 9 }),
    deaths: fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
    choices: fc.infiniteStream(fc.boolean()),
  });

  /** A stream's next value. */
  const next = <T>(stream: fc.Stream<T>): T => (stream.next() as IteratorYieldResult<T>).value;

  test('says that a root is whole only if each record is saved once by each way, or counts as dead', () => {
    let whole = 0;
    let refused = 0;
    const property = fc.property(drawn, ({ spec, records, deaths, choices }) => {
      const lines = Array.from({ length: records }, (_, origin) => ({ origin, line: `${origin}` }));
      const run = (dies: () => boolean): ReadonlyMap<string, Leaf> => {
        const execution = new Execution(spec, dies);
        execution.pass('source', { ...ROOT, counts: { ...NO_COUNTS, in: records }, lines });
        return execution.leaves;
      };
      const [calm, first, second] = [
        run(() => false),
        run(() => next(deaths) === 0),
        run(() => next(deaths) === 0),
      ];
      const ledger = new Ledger();
      const sent = { records, nextCursor: 1, fraction: 1, checksum: '00000000' };
      ledger.send(0, sent, 0);
      const saved = new Map<string, number>();
      let dead = 0;
      for (const id of new Set([...first.keys(), ...second.keys()])) {
        const [one, other] = next(choices) ? [first, second] : [second, first];
        const leaf = one.get(id) ?? other.get(id);
        if (leaf === undefined) continue;
        let settlement: string;
        try {
          settlement = ledger.settle(leaf.receipt);
        } catch {
          refused++;
          return;
        }
        if (settlement === 'duplicate') continue;
        dead += leaf.receipt.counts.dead;
        for (const line of leaf.lines)
          saved.set(`${leaf.stage} ${line}`, (saved.get(`${leaf.stage} ${line}`) ?? 0) + 1);
        if (settlement === 'part') continue;
        whole++;
        const wanted = [...calm.values()].flatMap(({ stage, lines: its }) =>
          its.map((line) => `${stage} ${line}`),
        );
        expect([...saved.values()].every((times) => times === 1)).toBe(true);
        const missing = wanted.filter((line) => !saved.has(line));
        if (dead === 0) expect(missing).toEqual([]);
        return;
      }
    });
    fc.assert(property, { numRuns: 200 });
    expect(whole).toBeGreaterThan(30);
    expect(refused).toBeGreaterThan(3);
  });
});
