import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyGraph } from './any-graph.testsuite.ts';
import { childId, type ChunkId, formatChunkId, parseChunkId } from './chunk-id.ts';
import { canReach } from './chunk-path.ts';
import { addCounts, type Counts, NO_COUNTS, recordsOf } from './counts.ts';
import { type ChildChunk, fanOut, type FinishedChunk } from './fan-out.ts';
import { settleLeaf } from './lineage.ts';
import { type PipelineSpec, readersOf } from './spec.ts';

interface Piece {
  readonly records: number;
}

/** What a stage does to a chunk. */
interface Work {
  /** Records of each piece that it passes on; none if it leaves nothing. */
  readonly pieces: readonly number[];
  readonly filtered: number;
  readonly dead: number;
  readonly retries: number;
}

const anyWork: fc.Arbitrary<Work> = fc.record({
  pieces: fc.array(fc.nat(20), { maxLength: 4 }),
  filtered: fc.nat(30),
  dead: fc.nat(30),
  retries: fc.nat(5),
});
const works = fc.infiniteStream(anyWork);

/** Does work on a chunk, as far as the chunk has records for it. */
function afterWork(before: FinishedChunk, { pieces, ...done }: Work): FinishedChunk {
  const there = recordsOf(before.counts);
  const filtered = Math.min(done.filtered, there);
  const dead = Math.min(done.dead, there - filtered);
  const left = pieces.reduce((total, records) => total + records, 0);
  // More than there was is an expansion; less is what a filter left out.
  const surplus = left - (there - filtered - dead);
  const counts = addCounts(before.counts, {
    in: 0,
    expanded: Math.max(0, surplus),
    filtered: filtered + Math.max(0, -surplus),
    dead,
    retries: done.retries,
  });
  const { chunk, buried = [] } = before;
  return {
    chunk,
    counts,
    buried: dead === 0 ? buried : [...buried, 'e'.repeat(buried.length + 1)],
  };
}

/** What is left of a chunk at the savers, or where nothing of it is left. */
interface Leaf {
  readonly stage: string;
  readonly finished: FinishedChunk;
}

/** Sends a chunk through the graph from a stage on. */
function leavesOf(
  spec: PipelineSpec,
  stage: string,
  chunk: FinishedChunk,
  stream: fc.Stream<Work>,
): Leaf[] {
  const next = (stream.next() as IteratorYieldResult<Work>).value;
  const finished = afterWork(chunk, next);
  const children = fanOut(
    spec,
    stage,
    finished,
    next.pieces.map((records) => ({ records })),
  );
  if (children.length === 0) return [{ stage, finished }];
  return children.flatMap((child) => leavesOf(spec, child.reader, child, stream));
}

function sum(all: readonly { readonly counts: Counts }[]): Counts {
  return all.map(({ counts }) => counts).reduce(addCounts, NO_COUNTS);
}

const ROOT: ChunkId = { seq: 7, path: '' };
const finishedChunks = fc
  .record({ records: fc.nat(100), work: anyWork, path: fc.constantFrom('', '.0-2', '.1-3.4-9') })
  .map(({ records, work, path }) => ({
    finished: afterWork({ chunk: { seq: 7, path }, counts: { ...NO_COUNTS, in: records } }, work),
    pieces: work.pieces.map((size): Piece => ({ records: size })),
  }));

/** A graph, one of its stages that has readers, and what the stage passes on. */
const passedOn = fc
  .tuple(anyGraph, fc.nat(), finishedChunks)
  .map(([spec, choice, { finished, pieces }]) => {
    const read = spec.stages.filter(({ kind }) => kind !== 'saver');
    const stage = read[choice % read.length]?.name ?? '';
    const children: ChildChunk<Piece>[] = fanOut(spec, stage, finished, pieces);
    const readers = readersOf(spec, stage).map(({ name }) => name);
    return { readers, finished, pieces, children };
  });

describe('fanOut', () => {
  test('gives every reader every piece, in order', () => {
    fc.assert(
      fc.property(passedOn, ({ readers, pieces, children }) => {
        for (const reader of readers) {
          const its = children.filter((child) => child.reader === reader);
          expect(its.map(({ piece }) => piece)).toEqual(pieces);
        }
        expect(children).toHaveLength(readers.length * pieces.length);
      }),
    );
  });

  test('gives each child the books of its piece, and all of them together those of the chunk and its copies', () => {
    fc.assert(
      fc.property(passedOn, ({ readers, finished, pieces, children }) => {
        expect(children.map(({ counts }) => recordsOf(counts))).toEqual(
          children.map(({ piece }) => piece.records),
        );
        fc.pre(pieces.length > 0);
        const { counts } = finished;
        const copied = recordsOf(counts) * (readers.length - 1);
        expect(sum(children)).toEqual({ ...counts, expanded: counts.expanded + copied });
      }),
    );
  });

  test('gives the executions to the one child whose books have the dead', () => {
    fc.assert(
      fc.property(passedOn, ({ finished: { counts, buried = [] }, children }) => {
        fc.pre(children.length > 0);
        const [first, ...others] = children as [ChildChunk<Piece>, ...ChildChunk<Piece>[]];
        expect(first.counts.dead).toBe(counts.dead);
        expect(first.buried ?? []).toEqual(buried);
        expect('buried' in first).toBe(buried.length > 0);
        for (const child of others) {
          expect(child.counts).toMatchObject({ filtered: 0, dead: 0, retries: 0 });
          expect('buried' in child).toBe(false);
        }
      }),
    );
  });

  test('leaves a chunk its id where nothing divides it', () => {
    const spec: PipelineSpec = {
      name: 'p',
      stages: [
        { name: 'lines', kind: 'fetcher' },
        { name: 'out', kind: 'saver', from: 'lines' },
      ],
    };
    const counts = { ...NO_COUNTS, in: 2 };
    expect(fanOut(spec, 'lines', { chunk: ROOT, counts }, [{ records: 2 }])).toEqual([
      { reader: 'out', chunk: ROOT, counts, piece: { records: 2 } },
    ]);
  });

  test('places the pieces of a chunk above the readers of the stage', () => {
    const spec: PipelineSpec = {
      name: 'p',
      stages: [
        { name: 'lines', kind: 'fetcher' },
        { name: 'a', kind: 'saver', from: 'lines' },
        { name: 'b', kind: 'saver', from: 'lines' },
      ],
    };
    const counts = { in: 5, expanded: 0, filtered: 1, dead: 1, retries: 2 };
    const finished = { chunk: childId(ROOT, 1, 3), counts, buried: ['0000000a'] };
    const children = fanOut(spec, 'lines', finished, [{ records: 1 }, { records: 2 }]);
    expect(
      children.map(({ reader, chunk, counts: its, buried }) => [
        reader,
        formatChunkId(chunk),
        its,
        buried,
      ]),
    ).toEqual([
      ['a', '7.1-3.0-2.0-2', { ...counts, in: 3 }, ['0000000a']],
      ['b', '7.1-3.0-2.1-2', { ...NO_COUNTS, expanded: 1 }, undefined],
      ['a', '7.1-3.1-2.0-2', { ...NO_COUNTS, in: 2 }, undefined],
      ['b', '7.1-3.1-2.1-2', { ...NO_COUNTS, expanded: 2 }, undefined],
    ]);
  });
});

describe('a chunk that goes through a graph by fanOut', () => {
  const journeys = fc.tuple(anyGraph, fc.integer({ min: 0, max: 60 }), works);

  test('settles with its last leaf, and not before', () => {
    fc.assert(
      fc.property(journeys, ([spec, records, stream]) => {
        const root = { chunk: ROOT, counts: { ...NO_COUNTS, in: records } };
        const leaves = leavesOf(spec, 'source', root, stream);
        const settled = new Set<string>();
        const outcomes = leaves.map(({ finished }) => settleLeaf(settled, finished.chunk.path));
        expect(outcomes.filter((outcome) => outcome !== 'part')).toEqual(['whole']);
        expect(outcomes.at(-1)).toBe('whole');
        expect([...settled]).toEqual(['']);
      }),
    );
  });

  test('comes to each stage under an id that can reach it, and that can be read back', () => {
    fc.assert(
      fc.property(journeys, ([spec, records, stream]) => {
        // A fetcher does not divide: what it sends is one piece.
        const root = { chunk: ROOT, counts: { ...NO_COUNTS, in: records } };
        for (const child of fanOut(spec, 'source', root, [{ records }])) {
          for (const { stage, finished } of leavesOf(spec, child.reader, child, stream)) {
            const id = formatChunkId(finished.chunk);
            expect(canReach(spec, stage, id)).toBe(true);
            expect(parseChunkId(id)).toEqual(finished.chunk);
          }
        }
      }),
    );
  });

  test('keeps the law of the books: in + expanded = records + filtered + dead', () => {
    fc.assert(
      fc.property(journeys, ([spec, records, stream]) => {
        const root = { chunk: ROOT, counts: { ...NO_COUNTS, in: records } };
        const leaves = leavesOf(spec, 'source', root, stream).map(({ finished }) => finished);
        const books = sum(leaves);
        const left = leaves.reduce((total, { counts }) => total + recordsOf(counts), 0);
        for (const { counts } of leaves) {
          expect(recordsOf(counts)).toBeGreaterThanOrEqual(0);
          for (const count of Object.values(counts)) expect(count).toBeGreaterThanOrEqual(0);
        }
        expect(books.in).toBe(records);
        expect(books.in + books.expanded).toBe(left + books.filtered + books.dead);
      }),
    );
  });

  test('names every execution that buried something in one leaf, the one whose books have its dead', () => {
    fc.assert(
      fc.property(journeys, ([spec, records, stream]) => {
        const root = { chunk: ROOT, counts: { ...NO_COUNTS, in: records } };
        for (const { finished } of leavesOf(spec, 'source', root, stream)) {
          expect((finished.buried ?? []).length > 0).toBe(finished.counts.dead > 0);
        }
      }),
    );
  });
});
