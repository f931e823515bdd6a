import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyGraph } from './any-graph.testsuite.ts';
import { childId, type ChunkId, formatChunkId, parseChunkId, redriveId } from './chunk-id.ts';
import { canReach, redrivenAt } from './chunk-path.ts';
import { checkSpec } from './check-spec.ts';
import { type PipelineSpec, readersOf, sourcesOf } from './spec.ts';

/** A fork at the fetcher, and another one behind a mapper. */
const FORKED: PipelineSpec = {
  name: 'p',
  stages: [
    { name: 'numbers', kind: 'fetcher' },
    { name: 'raw', kind: 'saver', from: 'numbers' },
    { name: 'work', kind: 'mapper', from: 'numbers' },
    { name: 'more', kind: 'mapper', from: 'work' },
    { name: 'one', kind: 'saver', from: 'more' },
    { name: 'two', kind: 'saver', from: 'more' },
    { name: 'three', kind: 'saver', from: 'more' },
  ],
};
const SAVERS = ['raw', 'one', 'two', 'three'];

/** What may happen to a chunk in a stage: how it is divided there, and how often it was given up before. */
interface Fate {
  readonly pieces: number;
  readonly place: number;
  readonly redrives: number;
  readonly index: number;
}

const fates = fc.array(
  fc.record({
    pieces: fc.integer({ min: 1, max: 4 }),
    place: fc.nat(),
    redrives: fc.constantFrom(0, 0, 0, 1, 2),
    index: fc.nat(99),
  }),
  { minLength: 8, maxLength: 8 },
);

/** The stages on one of the ways to a stage, from the fetcher on. */
function wayTo(spec: PipelineSpec, stage: string, fate: readonly Fate[]): string[] {
  const sources = sourcesOf(spec.stages.find(({ name }) => name === stage) ?? {});
  const [choice, ...others] = fate;
  const from = sources[(choice?.index ?? 0) % sources.length];
  return from === undefined ? [stage] : [...wayTo(spec, from, others), stage];
}

/** The id of a chunk that comes to a stage, made as fetchers, mappers and redrives make it. */
function chunkAt(
  spec: PipelineSpec,
  stage: string,
  seq: number,
  fate: readonly Fate[],
  avoided: ReadonlySet<number> = new Set(),
): string {
  let id: ChunkId = { seq, path: '' };
  const way = wayTo(spec, stage, fate);
  for (const [at, name] of way.entries()) {
    const { pieces, place, redrives, index } = fate[at] as Fate;
    const number = spec.stages.findIndex((each) => each.name === name);
    if (at > 0) for (let n = 0; n < redrives; n++) id = redriveId(id, number, index);
    const next = way[at + 1];
    if (next === undefined) break;
    const divided = avoided.has(pieces) ? pieces + 10 : pieces;
    if (at > 0 && pieces > 1) id = childId(id, place % divided, divided);
    const readers = readersOf(spec, name);
    const nth = readers.findIndex((reader) => reader.name === next);
    id = childId(id, nth, readers.length);
  }
  return formatChunkId(id);
}

describe('canReach', () => {
  test('accepts every chunk that comes by the graph, however it was divided and redriven', () => {
    fc.assert(
      fc.property(anyGraph, fc.nat(), fates, fc.nat(), (spec, seq, fate, choice) => {
        checkSpec(spec);
        const stages = spec.stages.map(({ name }) => name);
        const stage = stages[choice % stages.length] ?? '';
        expect(canReach(spec, stage, chunkAt(spec, stage, seq, fate))).toBe(true);
      }),
    );
  });

  // Below two forks in a row, the second may look as if a mapper had divided the chunk of another saver.
  const flat = anyGraph.filter(({ stages }) =>
    stages.every(
      ({ kind, from }) => typeof from !== 'object' && (kind !== 'mapper' || from === 'source'),
    ),
  );

  test('refuses every chunk of another saver, unless it was divided as a fork divides', () => {
    fc.assert(
      fc.property(flat, fc.nat(), fates, (spec, seq, fate) => {
        const savers = spec.stages.filter(({ kind }) => kind === 'saver');
        const forks = new Set(spec.stages.map(({ name }) => readersOf(spec, name).length));
        for (const { name } of savers) {
          const chunk = chunkAt(spec, name, seq, fate, forks);
          const reached = savers.filter((saver) => canReach(spec, saver.name, chunk));
          expect(reached.map((saver) => saver.name)).toEqual([name]);
        }
      }),
    );
  });

  test.each<[string, readonly string[]]>([
    ['7.0-2', ['raw']],
    ['7.0-2~1-3', ['raw']],
    ['7.0-2~1-3-2', ['raw']],
    ['7.1-2.0-3', ['one']],
    ['7.1-2.2-3', ['three']],
    ['7.1-2.1-5.4-9.1-3', ['two']],
    // A record that the mapper gave up, and whose copies come to all three.
    ['7.1-2~2-9.0-3', ['one']],
    ['7.1-2~2-9.0-8~3-0.1-3~5-1', ['two']],
    // The mapper divides in two, as the fetcher's fork does.
    ['7.1-2.0-2.2-3', ['three']],
    ['7', []],
    ['7.1-2', []],
    ['7.0-3', []],
    ['7.0-2.0-2', []],
    ['7.0-2~2-3', []],
    ['7.1-3.0-3', []],
    ['7.1-2.0-3.1-2', []],
    ['7.1-2.1-5.1-5.1-5.1-3', []],
    ['x', []],
    ['', []],
  ])('lets %j come to %j', (chunk, savers) => {
    expect(SAVERS.filter((saver) => canReach(FORKED, saver, chunk))).toEqual(savers);
  });

  test('lets a chunk come by each way to a stage that reads several, and by no other', () => {
    const spec: PipelineSpec = {
      name: 'p',
      stages: [
        { name: 'numbers', kind: 'fetcher' },
        { name: 'work', kind: 'mapper', from: 'numbers' },
        { name: 'out', kind: 'saver', from: ['work', 'numbers'] },
      ],
    };
    const comes = (id: string): boolean => canReach(spec, 'out', id);
    expect(['7.0-2', '7.1-2', '7.0-2.3-5', '7.0-2~1-4', '7.1-2~2-4'].map(comes)).toEqual(
      Array.from({ length: 5 }, () => true),
    );
    expect(['7', '7.1-2.0-2', '7.1-2~1-4', '7.0-20'].some(comes)).toBe(false);
  });

  test('is found out quickly, however many ways there are', () => {
    const depth = 24;
    const stages = Array.from({ length: depth }, (_, n) => [
      { name: `a${n + 1}`, kind: 'mapper' as const, from: [`a${n}`, `b${n}`] },
      { name: `b${n + 1}`, kind: 'mapper' as const, from: [`a${n}`, `b${n}`] },
    ]).flat();
    const spec: PipelineSpec = {
      name: 'p',
      stages: [
        { name: 'source', kind: 'fetcher' },
        { name: 'a0', kind: 'mapper', from: 'source' },
        { name: 'b0', kind: 'mapper', from: 'source' },
        ...stages,
        { name: 'out', kind: 'saver', from: [`a${depth}`, `b${depth}`] },
      ],
    };
    checkSpec(spec);
    const path = '.1-2'.repeat(depth + 1);
    expect(canReach(spec, 'out', `7${path}`.slice(0, 100))).toBe(false);
    expect(canReach(spec, `b${depth - 2}`, `7${'.1-2'.repeat(depth - 1)}`)).toBe(true);
  });

  test('lets roots come to the fetcher, and nothing else', () => {
    expect(canReach(FORKED, 'numbers', '7')).toBe(true);
    expect(canReach(FORKED, 'numbers', '7.0-2')).toBe(false);
    expect(canReach(FORKED, 'unheard-of', '7')).toBe(false);
  });
});

describe('redrivenAt', () => {
  test('names the stage that has given a record up, wherever in any graph', () => {
    fc.assert(
      fc.property(
        anyGraph,
        fc.nat(),
        fates,
        fc.nat(),
        fc.nat(),
        (spec, seq, fate, choice, index) => {
          const number = 1 + (choice % (spec.stages.length - 1));
          const stage = spec.stages[number]?.name ?? '';
          const chunk = parseChunkId(chunkAt(spec, stage, seq, fate)) as ChunkId;
          const redriven = redriveId(chunk, number, index);
          expect(redrivenAt(spec, redriven)).toBe(stage);
          expect(redrivenAt(spec, redriveId(redriven, number, 0))).toBe(stage);
          expect(redrivenAt(spec, childId(redriven, 1, 3))).toBeUndefined();
        },
      ),
    );
  });

  test.each(['7', '7.1-2', '7.0-2~1-3.0-2', '7~99-1'])('names none for %j', (id) => {
    expect(redrivenAt(FORKED, parseChunkId(id) as ChunkId)).toBeUndefined();
  });
});
