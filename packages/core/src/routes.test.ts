import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canReach } from './chunk-path.ts';
import { checkSpec } from './check-spec.ts';
import { formatChunkId } from './chunk-id.ts';
import { addCounts, NO_COUNTS, recordsOf } from './counts.ts';
import { fanOut, readPieces } from './fan-out.ts';
import { writtenVersion } from './format-version.ts';
import { settleLeaf } from './lineage.ts';
import { permissionsOf } from './permissions.ts';
import { drawGraph, specDifference } from './spec-difference.ts';
import {
  hostOf,
  outputName,
  type PipelineSpec,
  queuedStages,
  readersOf,
  type StageSpec,
} from './spec.ts';

const lines: StageSpec = { name: 'lines', kind: 'fetcher' };
const triage: StageSpec = { name: 'triage', kind: 'mapper', from: 'lines', to: ['big', 'small'] };
const review: StageSpec = { name: 'review', kind: 'mapper', from: 'triage#big' };
const out: StageSpec = { name: 'out', kind: 'saver', from: ['review', 'triage#small'] };

function spec(...stages: StageSpec[]): PipelineSpec {
  return { name: 'orders', stages };
}

/** A route of up to five branches, each of which has up to three readers. */
const routed = fc
  .array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 })
  .map((readers) => {
    const to = readers.map((_, n) => `b${n}`);
    const savers = readers.flatMap((count, n) =>
      Array.from({ length: count }, (_, nth): StageSpec => {
        const from = outputName('triage', `b${n}`);
        return { name: `s${n}-${nth}`, kind: 'saver', from };
      }),
    );
    return { to, spec: spec(lines, { ...triage, to }, ...savers) };
  });

describe('a route', () => {
  test('gives each branch that is not empty to its readers; they settle the chunk, and its books add up', () => {
    fc.assert(
      fc.property(
        routed,
        fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
        ({ to, spec: graph }, sizes) => {
          checkSpec(graph);
          const pieces = to
            .map((branch) => ({ branch, records: sizes.next().value as number }))
            .filter(({ records }) => records > 0);
          fc.pre(pieces.length > 0);
          const records = pieces.reduce((sum, piece) => sum + piece.records, 0);
          const counts = { ...NO_COUNTS, in: records + 3, filtered: 2, dead: 1 };
          const finished = { chunk: { seq: 7, path: '' }, counts, buried: ['e'], dead: [4] };
          const children = fanOut(graph, 'triage', finished, pieces, () => '9d1f00c4');
          const settled = new Set<string>();
          for (const { reader, chunk, piece, counts: share, division } of children) {
            const from = outputName('triage', piece.branch);
            expect(readersOf(graph, from).map(({ name }) => name)).toContain(reader);
            expect(recordsOf(share)).toBe(piece.records);
            const id = formatChunkId(chunk);
            expect(canReach(graph, reader, id)).toBe(true);
            const others = readersOf(graph, from).filter(({ name }) => name !== reader);
            if (others.length > 0) {
              expect(others.some(({ name }) => canReach(graph, name, id))).toBe(false);
            }
            expect(division).toMatch(/^[0-9a-f]{8}$/);
            settleLeaf(settled, chunk.path);
          }
          expect(settled).toEqual(new Set(['']));
          const copied = children.reduce((sum, { piece }) => sum + piece.records, 0) - records;
          const sum = children.map((child) => child.counts).reduce(addCounts, NO_COUNTS);
          expect(sum).toEqual({ ...counts, expanded: copied });
        },
      ),
    );
  });

  test('with one branch that is not empty leaves the chunk its id', () => {
    const finished = { chunk: { seq: 7, path: '' }, counts: { ...NO_COUNTS, in: 2 } };
    const graph = spec(lines, triage, review, out);
    const pieces = [{ branch: 'small', records: 2 }];
    expect(fanOut(graph, 'triage', finished, pieces, () => '9d1f00c4')).toEqual([
      { reader: 'out', ...finished, piece: pieces[0] },
    ]);
  });

  test('counts what nobody reads as filtered', () => {
    const graph = spec(lines, { ...triage, to: ['big'] }, review, { ...out, from: 'review' });
    const [big, small] = [
      { branch: 'big', records: 2 },
      { branch: 'small', records: 3 },
    ];
    expect(readPieces(graph, 'triage', [big, small])).toEqual({ read: [big], filtered: 3 });
    expect(readPieces(graph, 'triage', [small])).toEqual({ read: [], filtered: 3 });
    expect(readPieces(graph, 'triage', [big])).toEqual({ read: [big], filtered: 0 });
    expect(readPieces(graph, 'review', [{ records: 2 }]).filtered).toBe(0);
  });

  test('has a queue where it reads the fetcher, and none behind a mapper that works on it', () => {
    const inline = { ...triage, from: 'review', inline: true } as const;
    const graph = spec(
      lines,
      { ...review, from: 'lines' },
      inline,
      { ...out, from: 'triage#big', inline: true },
      { name: 'rest', kind: 'saver', from: 'triage#small' },
    );
    checkSpec(graph);
    expect(queuedStages(graph).map(({ name }) => name)).toEqual(['review', 'rest']);
    expect(hostOf(graph, 'out')).toBe('review');
    expect(JSON.stringify(permissionsOf(graph, 'mapper'))).toContain('leat.v1.orders.rest');
  });

  test('is known by readers of the third version of a run, and by none before', () => {
    expect(writtenVersion('request', { spec: spec(lines, triage, review, out) })).toBe(3);
    const one = { ...triage, to: ['big'] };
    const graph = spec(lines, one, review, { ...out, from: 'review' });
    expect(writtenVersion('request', { spec: graph })).toBe(3);
  });
});

describe('the graph of a route', () => {
  const whole = spec(lines, triage, review, out);

  test('is one', () => {
    expect(() => checkSpec(whole)).not.toThrow();
    expect(drawGraph(whole)).toBe(
      'lines lines>triage(big|small) triage#big>review review+triage#small>out',
    );
  });

  test.each([
    [
      'a branch that nobody reads',
      spec(lines, triage, review, { ...out, from: 'review' }),
      'has a branch triage#small that no stage reads from.',
    ],
    [
      'a reader of the route itself',
      spec(lines, triage, { ...review, from: 'triage' }, out),
      'has a stage review that reads from the route triage, and not from one of its branches (triage#big, triage#small).',
    ],
    [
      'a branch that is not there',
      spec(lines, triage, { ...review, from: 'triage#huge' }, out),
      'has a stage review that reads from no stage before it (triage#huge).',
    ],
    [
      'a branch of a mapper',
      spec(lines, { ...review, from: 'lines' }, { ...out, from: 'review#big' }),
      'has a stage out that reads from no stage before it (review#big).',
    ],
    [
      'a saver with branches',
      spec(lines, { ...out, from: 'lines', to: ['a'] }),
      'has a saver out with branches, which only a route has.',
    ],
    ['no branch', spec(lines, { ...triage, to: [] }), 'has a route triage without a branch.'],
    [
      'two branches of one name',
      spec(lines, { ...triage, to: ['a', 'b', 'a'] }),
      'has a route triage with two branches named a.',
    ],
  ])('is refused for %s', (_, graph, sentence) => {
    expect(() => checkSpec(graph)).toThrow(`The pipeline "orders" ${sentence}`);
  });

  test.each(['', '1', 'a#b', 'a_b', 'a'.repeat(32)])('is refused for a branch named %j', (name) => {
    expect(() => checkSpec(spec(lines, { ...triage, to: [name] }))).toThrow('name of a branch');
  });

  test.each([
    [
      spec(lines, { ...triage, to: ['small', 'big'] }, review, out),
      'triage has the branches small, big and no longer the branches big, small',
    ],
    [
      spec(
        lines,
        { name: 'triage', kind: 'mapper', from: 'lines' },
        { ...review, from: 'triage' },
        { ...out, from: ['review', 'triage'] },
      ),
      'review reads from triage and no longer from triage#big, out reads from review+triage and no longer from review+triage#small, triage has no branches and no longer the branches big, small',
    ],
    [
      spec(lines, { ...review, from: 'lines' }, { ...out, from: 'review' }),
      'triage is gone, review reads from lines and no longer from triage#big, out reads from review and no longer from review+triage#small',
    ],
  ])('differs from another by its branches, too', (present, changes) => {
    expect(specDifference(whole, present)).toContain(`(${changes})`);
    expect(specDifference(whole, whole)).toBeUndefined();
  });

  test('differs by the order of its stages', () => {
    const other: StageSpec = { name: 'other', kind: 'saver', from: 'triage#big' };
    expect(
      specDifference(spec(...whole.stages, other), spec(lines, triage, other, review, out)),
    ).toContain('the order of the stages is another one');
  });
});
