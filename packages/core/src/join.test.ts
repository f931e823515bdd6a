import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ChunkId, formatChunkId } from './chunk-id.ts';
import { canReach } from './chunk-path.ts';
import { checkSpec } from './check-spec.ts';
import { NO_COUNTS, recordsOf } from './counts.ts';
import { fanOut, forkAgain } from './fan-out.ts';
import {
  type BranchFailure,
  closed,
  depthOfFailures,
  fateOfJoining,
  fewestParts,
  forkedBy,
  Gathering,
  joinedCounts,
  matched,
  type Part,
} from './join.ts';
import { formatRegions, offsetsOf, parseRegions } from './open-region.ts';
import { partSubject, runOfSubject } from './names.ts';
import { permissionsOf } from './permissions.ts';
import { redriveOf } from './redrive-choice.ts';
import { regionsAround, regionsOf } from './region.ts';
import type { Missing, PipelineSpec, StageSpec } from './spec.ts';
import { drawGraph, specDifference } from './spec-difference.ts';
import {
  DEFAULT_TOPOLOGY_SETTINGS,
  subjectsOfRun,
  topologyOf,
  type WantedConsumer,
} from './topology.ts';

const join = (missing: Missing, fork = 'photos'): StageSpec['join'] & object => ({
  fork,
  parts: ['face', 'match'],
  missing,
});
const photos: StageSpec = { name: 'photos', kind: 'fetcher' };
const face: StageSpec = { name: 'face', kind: 'mapper', from: 'photos' };
const match: StageSpec = { name: 'match', kind: 'mapper', from: 'photos' };
const raw: StageSpec = { name: 'raw', kind: 'saver', from: 'photos' };
const out: StageSpec = { name: 'out', kind: 'saver', from: 'kyc' };
const kyc = (missing: Missing = 'pass'): StageSpec => ({
  name: 'kyc',
  kind: 'mapper',
  from: missing === 'pass' ? ['face', 'match'] : ['face', 'match', 'photos'],
  join: join(missing),
});
const spec = (...stages: StageSpec[]): PipelineSpec => ({ name: 'p', stages });
const root: ChunkId = { seq: 42, path: '' };
const counts = { ...NO_COUNTS, in: 3 };

describe('the branches of a join', () => {
  test('are one share of the chunk that is forked, whatever else reads it', () => {
    const graph = spec(photos, raw, face, match, kyc('dead'), out);
    checkSpec(graph);
    const piece = { records: 3 };
    const failures = [
      { depth: 1, place: 0, stage: 'x', attempts: 1, error: { name: '', message: '' } },
    ];
    const finished = { chunk: root, counts, buried: ['0000000a'], failures };
    const children = fanOut(graph, 'photos', finished, [piece]);
    expect(children.map(({ reader, chunk }) => `${reader} ${formatChunkId(chunk)}`)).toEqual([
      'raw 42.0-2',
      'face 42.1-2.0-3',
      'match 42.1-2.1-3',
      'kyc 42.1-2.2-3',
    ]);
    const regions = [{ at: 4, records: 3 }];
    expect(children.map((child) => child.regions)).toEqual([undefined, regions, regions, regions]);
    expect(children.map(({ part }) => part)).toEqual([undefined, undefined, undefined, 2]);
    expect(children.map(({ buried, failures: each }) => [buried, each])).toEqual([
      [['0000000a'], failures],
      ...Array.from({ length: 3 }, () => [undefined, undefined]),
    ]);
    for (const { reader, chunk } of children) {
      expect(canReach(graph, reader, formatChunkId(chunk))).toBe(true);
    }
    expect(canReach(graph, 'out', '42.1-2')).toBe(true);
    expect(canReach(graph, 'out', '42.1-2.0-3')).toBe(false);
    expect(canReach(graph, 'face', '42.1-2~4-7.0-3')).toBe(true);
    expect(canReach(graph, 'kyc', '42.1-2~4-7')).toBe(true);
    expect(canReach(graph, 'out', '42.1-2~4-7-2')).toBe(true);
    expect(canReach(graph, 'face', 'no chunk')).toBe(false);
  });

  test('begin again with a record that is tried again', () => {
    const graph = spec(photos, face, match, kyc('dead'), out);
    const [region] = regionsOf(graph);
    const chunk = { seq: 42, path: '~3-1' };
    const again = forkAgain(graph, region as never, { chunk, counts }, { records: 1 });
    expect(again.map(({ reader, chunk: id }) => `${reader} ${formatChunkId(id)}`)).toEqual([
      'face 42~3-1.0-3',
      'match 42~3-1.1-3',
      'kyc 42~3-1.2-3',
    ]);
    expect(again.map(({ counts: each }) => recordsOf(each))).toEqual([3, 3, 3]);
    expect(again[2]?.regions).toEqual([{ at: 4, records: 1 }]);
    const elsewhere = { ...region, join: 'nothing' } as never;
    expect(forkAgain(graph, elsewhere, { chunk, counts }, { records: 1 })).toEqual([]);
  });

  test('may be those of a route, of which a chunk has what is not empty', () => {
    const route: StageSpec = { name: 'sort', kind: 'mapper', from: 'photos', to: ['a', 'b', 'c'] };
    const one: StageSpec = { ...face, from: 'sort#a' };
    const two: StageSpec = { ...match, from: 'sort#b' };
    const joined: StageSpec = { ...kyc(), join: join('pass', 'sort') };
    const rest: StageSpec = { name: 'rest', kind: 'saver', from: 'sort#c' };
    const graph = spec(photos, route, one, two, joined, rest, out);
    checkSpec(graph);
    const finished = { chunk: root, counts, records: 3, origins: [4, 5, 9] };
    const a = { branch: 'a', records: 1, origins: [5], places: [1] };
    const c = { branch: 'c', records: 2, origins: [4, 9], places: [0, 2] };
    const children = fanOut(graph, 'sort', finished, [a, c]);
    expect(children).toMatchObject([
      {
        reader: 'face',
        chunk: { path: '.0-2' },
        origins: [1],
        regions: [{ at: 4, records: 3, origins: [4, 5, 9] }],
      },
      { reader: 'rest', chunk: { path: '.1-2' }, origins: [4, 9] },
    ]);
    expect(canReach(graph, 'out', '42.0-2')).toBe(true);
    expect(canReach(graph, 'face', '42')).toBe(true);
  });

  test('may begin with one branch of a route, and have branches of their own', () => {
    const route: StageSpec = { name: 'sort', kind: 'mapper', from: 'photos', to: ['a', 'b'] };
    const graph = spec(
      photos,
      route,
      { ...face, from: 'sort#a' },
      { ...match, from: 'face' },
      { name: 'side', kind: 'mapper', from: 'face' },
      {
        name: 'inner',
        kind: 'mapper',
        from: ['match', 'side', 'face'],
        join: { fork: 'face', parts: ['match', 'side'], missing: 'filter' },
      },
      {
        name: 'kyc',
        kind: 'mapper',
        from: ['inner', 'sort#a'],
        join: { fork: 'sort#a', parts: ['inner', 'first'], missing: 'dead' },
      },
      out,
      { name: 'rest', kind: 'saver', from: 'sort#b' },
    );
    checkSpec(graph);
    expect(regionsAround(graph, 'side').map((region) => region.join)).toEqual(['kyc', 'inner']);
    expect(depthOfFailures(graph, 'side')).toBe(2);
    expect(depthOfFailures(graph, 'kyc')).toBeUndefined();
    const finished = { chunk: root, counts, records: 3 };
    const a = { branch: 'a', records: 2, origins: [0, 2], places: [0, 2] };
    const [first, second] = fanOut(graph, 'sort', finished, [a]);
    expect(first).toMatchObject({
      reader: 'face',
      chunk: { path: '.0-2' },
      regions: [{ at: 0, records: 2, origins: [0, 2] }],
    });
    expect(second).toMatchObject({ reader: 'kyc', part: 1, chunk: { path: '.1-2' } });
    const within = fanOut(graph, 'face', { ...first, ...finished, chunk: first?.chunk ?? root }, [
      { records: 2 },
    ]);
    expect(within.map(({ reader, chunk }) => `${reader} ${formatChunkId(chunk)}`)).toEqual([
      'match 42.0-2.0-3',
      'side 42.0-2.1-3',
      'inner 42.0-2.2-3',
    ]);
    expect(within[0]?.regions).toHaveLength(2);
    expect(canReach(graph, 'kyc', '42.0-2')).toBe(true);
  });

  test('of one fork lie within one another', () => {
    const third: StageSpec = { ...match, name: 'third' };
    const outer: StageSpec = {
      name: 'all',
      kind: 'mapper',
      from: ['kyc', 'third'],
      join: { fork: 'photos', parts: ['kyc', 'third'], missing: 'pass' },
    };
    const graph = spec(photos, face, match, kyc(), third, outer, { ...out, from: 'all' });
    checkSpec(graph);
    const children = fanOut(graph, 'photos', { chunk: root, counts }, [{ records: 3 }]);
    expect(children.map(({ reader, chunk }) => `${reader} ${formatChunkId(chunk)}`)).toEqual([
      'face 42.0-2.0-2',
      'match 42.0-2.1-2',
      'third 42.1-2',
    ]);
    expect(children.map(({ regions }) => regions?.map(({ at }) => at))).toEqual([
      [0, 4],
      [0, 4],
      [0],
    ]);
    expect(canReach(graph, 'all', '42.0-2')).toBe(true);
    expect(canReach(graph, 'out', '42')).toBe(true);
    expect(fanOut(graph, 'nothing', { chunk: root, counts }, [{ records: 3 }])).toEqual([]);
  });

  test.each([
    [
      'a way out',
      spec(photos, face, match, kyc(), { ...raw, from: 'face' }, out),
      'has a saver raw that reads from face, within the branches that kyc puts together',
    ],
    [
      'one branch',
      spec(
        photos,
        face,
        { ...kyc(), from: 'face', join: { ...join('pass'), parts: ['face'] } },
        out,
      ),
      'has a join kyc of one branch: it needs at least two.',
    ],
    [
      'no fork',
      spec(photos, face, match, { ...kyc(), join: join('pass', 'nothing') }, out),
      'whose branches do not begin with the stage nothing',
    ],
    [
      'another fork',
      spec(
        photos,
        face,
        { ...match, from: 'photos' },
        { ...kyc(), join: join('pass', 'face') },
        out,
      ),
      'has a join kyc, whose branches do not all come from face.',
    ],
    [
      'more parts than it reads',
      spec(photos, face, match, { ...kyc(), from: 'face' }, out),
      'whose branches do not begin',
    ],
    [
      'a saver that joins',
      spec(photos, face, match, { ...kyc(), kind: 'saver' }),
      'has a saver kyc that joins branches',
    ],
    [
      'a route that must give all',
      spec(
        photos,
        { name: 'sort', kind: 'mapper', from: 'photos', to: ['a', 'b'] },
        { ...face, from: 'sort#a' },
        { ...match, from: 'sort#b' },
        { ...kyc(), join: join('filter', 'sort') },
        out,
      ),
      "its missing must be 'pass'",
    ],
  ])('have no %s', (_, graph, sentence) => {
    expect(() => checkSpec(graph)).toThrow(sentence);
  });

  test('are a part of the graph', () => {
    const [was, is] = [
      spec(photos, face, match, kyc('dead'), out),
      spec(photos, face, match, kyc(), out),
    ];
    expect(drawGraph(was)).toContain('kyc[face&match of photos, dead]');
    expect(specDifference(was, was)).toBeUndefined();
    expect(specDifference(was, is)).toContain('kyc puts together [face&match of photos, pass]');
    const { join: _, ...plain } = kyc();
    expect(specDifference(was, spec(photos, face, match, plain, out))).toContain(
      'kyc puts together nothing',
    );
    expect(specDifference(spec(photos, face, match, plain, out), is)).toContain(
      'no longer nothing',
    );
  });
});

describe('in front of a join', () => {
  const graph = spec(photos, face, match, kyc('dead'), out);
  const topology = topologyOf(graph, DEFAULT_TOPOLOGY_SETTINGS);

  test('parts of each chunk have a subject of their own, and stay', () => {
    const queue = topology.queues.find(({ stage }) => stage === 'kyc');
    const other = topology.queues.find(({ stage }) => stage === 'face');
    expect(queue?.stream).toMatchObject({ retention: 'limits', max_msgs: -1, max_bytes: -1 });
    expect(queue?.stream.subjects).toEqual(['leat.v1.p.kyc.*.*']);
    expect(subjectsOfRun(queue?.consumer as WantedConsumer, 'one')).toBe('leat.v1.p.kyc.one.*');
    expect(subjectsOfRun(other?.consumer as WantedConsumer, 'one')).toBe('leat.v1.p.face.one');
    const subject = partSubject('p', 'kyc', 'one', '42.1-2+7.1');
    expect(subject).toBe('leat.v1.p.kyc.one.42_1-2+7_1');
    expect(runOfSubject(subject)).toBe('one');
    expect(runOfSubject('something')).toBe('');
  });

  test('only mappers may read and remove parts', () => {
    const allowed = ['$JS.API.STREAM.MSG.GET.leat_p_kyc', '$JS.API.STREAM.PURGE.leat_p_kyc'];
    const mapper = permissionsOf(graph, 'mapper').publish;
    expect(mapper).toEqual(expect.arrayContaining([...allowed, 'leat.v1.p.kyc.*.*']));
    expect(permissionsOf(graph, 'saver').publish).not.toContain(allowed[0]);
    expect(permissionsOf(graph, 'fetcher').publish).toContain('leat.v1.p.kyc.*.*');
  });

  test('what a branch gave up is tried again only by the join', () => {
    const letter = { stage: 'face', chunk: '42', index: 1, error: { name: '', message: '' } };
    expect(redriveOf(letter, graph)).toBe('in a branch of a join');
    const joined = { ...letter, stage: 'kyc', branch: 'face' };
    expect(redriveOf(joined, graph)).toEqual({ seq: 42, path: '~3-1' });
  });

  test('a region may share a branch of a route with who is outside', () => {
    const route: StageSpec = { name: 'sort', kind: 'mapper', from: 'photos', to: ['a', 'b'] };
    const whole = spec(
      photos,
      route,
      { ...raw, from: 'sort#a' },
      { ...raw, name: 'both', from: ['sort#a', 'sort#b'] },
      { ...face, from: 'sort#a' },
      { ...match, from: 'sort#a' },
      { ...kyc(), join: join('pass', 'sort#a') },
      out,
    );
    checkSpec(whole);
    const piece = { branch: 'a', records: 3, places: [0, 1, 2] };
    const children = fanOut(whole, 'sort', { chunk: root, counts }, [piece]);
    expect(children.map(({ reader, chunk }) => `${reader} ${formatChunkId(chunk)}`)).toEqual([
      'raw 42.0-2.0-2',
      'both 42.0-2.1-2',
      'face 42.1-2.0-2',
      'match 42.1-2.1-2',
    ]);
    for (const { reader, chunk } of children) {
      expect(canReach(whole, reader, formatChunkId(chunk))).toBe(true);
    }
  });
});

describe('regions', () => {
  const region = fc.record({
    at: fc.nat(99),
    records: fc.integer({ min: 1, max: 20 }),
    isMixed: fc.boolean(),
  });

  test('are the same after the way over the wire', () => {
    fc.assert(
      fc.property(fc.array(region, { maxLength: 3 }), (drawn) => {
        const regions = drawn.map(({ at, records, isMixed }) => ({
          at,
          records,
          ...(isMixed && { origins: Array.from({ length: records }, (_, n) => 2 * n + 1) }),
        }));
        expect(parseRegions(formatRegions(regions))).toEqual(regions);
      }),
    );
    expect(formatRegions([{ at: 0, records: 2, origins: [0, 1] }])).toBe('0/2');
  });

  test.each(['x', '1', '1/2/', '1/2/0-9', '1/2;', '1/2/x'])('are not %j', (text) => {
    expect(parseRegions(text)).toBeUndefined();
  });

  test('say where records stand in the dataset', () => {
    expect(offsetsOf([1, 0], undefined)).toEqual([1, 0]);
    expect(offsetsOf(undefined, [{ at: 0, records: 2 }])).toBeUndefined();
    const regions = [
      { at: 0, records: 3, origins: [10, 20, 30] },
      { at: 4, records: 3, origins: [2, 1, 0] },
    ];
    expect(offsetsOf(undefined, regions)).toEqual([30, 20, 10]);
    expect(offsetsOf([2, 2], regions)).toEqual([10, 10]);
    expect(offsetsOf([7], [{ at: 0, records: 3, origins: [1, 2, 3] }])).toEqual([7]);
  });
});

/** Three records, forked: `face` gives one up and `match` leaves one out. */
function partsOf(): Part[] {
  const regions = [{ at: 0, records: 3, origins: [5, 6, 7] }];
  const failure = (place: number, depth = 1): BranchFailure => ({
    depth,
    place,
    stage: 'face',
    attempts: 2,
    error: { name: 'Error', message: 'torn' },
  });
  const part = (path: string, more: Partial<Part>): Part => ({
    chunk: { seq: 42, path },
    counts: { ...NO_COUNTS, expanded: 3 },
    regions,
    ...more,
  });
  return [
    part('.0-3', {
      part: 0,
      counts: { ...NO_COUNTS, in: 3, filtered: 1 },
      origins: [1, 2],
      failures: [failure(0), failure(0, 2)],
      buried: ['0000000a'],
    }),
    part('.1-3', { part: 1, counts: { ...NO_COUNTS, expanded: 3, filtered: 1 }, origins: [0, 1] }),
    part('.2-3', { part: 2 }),
  ];
}

describe('parts', () => {
  test('are a set: whole when all are there, in any order, however often each comes', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 0, 0, 1, 1, 2, 2, 2], { minLength: 8 }), (order) => {
        const gathering = new Gathering<Part>();
        const parts = partsOf();
        const seen = new Set<number>();
        for (const nth of order) {
          const isNew = !seen.has(nth);
          seen.add(nth);
          expect(gathering.add(parts[nth] as Part)).toBe(isNew && seen.size === 3);
        }
        expect(gathering.parts).toHaveLength(3);
      }),
    );
  });

  test('of another division of a branch are left out', () => {
    const gathering = new Gathering<Part>();
    const [one, two, three] = partsOf() as [Part, Part, Part];
    const half = (place: number, token: string): Part => ({
      ...one,
      chunk: { seq: 42, path: `.0-3.${place}-2` },
      division: `.${token}`,
    });
    expect(gathering.add(half(0, 'aaaaaaaa'))).toBe(false);
    expect(gathering.add(half(1, 'bbbbbbbb'))).toBe(false);
    expect(gathering.add(two)).toBe(false);
    expect(gathering.add({ ...one, chunk: { seq: 42, path: '.0-3' } })).toBe(false);
    expect(gathering.add(three)).toBe(false);
    expect(gathering.add(half(1, 'aaaaaaaa'))).toBe(true);
    expect(gathering.parts).toHaveLength(4);
    expect(new Gathering<Part>().add({ chunk: root, counts })).toBe(true);
  });

  test('belong to the chunk that was forked, and leave its region with it', () => {
    const parts = partsOf();
    expect(forkedBy({ chunk: root })).toBeUndefined();
    expect([...parts, { chunk: root }].map((part) => fewestParts(part))).toEqual([3, 3, 3, 1]);
    expect(forkedBy(parts[0] as Part)).toEqual(root);
    expect(closed(parts)).toEqual({ origins: [5, 6, 7], buried: ['0000000a'] });
    const [outer] = [{ at: 0, records: 3 }];
    const inner = parts.map((part) => ({
      ...part,
      chunk: { seq: 42, path: `.0-2${part.chunk.path}` },
      regions: [outer, { at: 4, records: 3 }],
      division: 'cccccccc.dddddddd',
    }));
    const left = closed(inner);
    expect(left.regions).toEqual([outer]);
    expect(left.failures).toMatchObject([{ depth: 1 }]);
    expect(left.division).toBe('cccccccc');
  });

  test.each<[Missing, string[], number, number, number]>([
    ['dead', ['failed', 'together', 'missing'], 0, 2, 1],
    ['filter', ['failed', 'together', 'filtered'], 1, 1, 1],
    ['pass', ['failed', 'together', 'together'], 1, 1, 2],
  ])('where missing is %s, the books are right', (missing, types, filtered, dead, records) => {
    const parts = partsOf();
    const joinings = matched(parts);
    expect(joinings.map(({ place }) => place)).toEqual([0, 1, 2]);
    const named = { parts: ['face', 'match'], missing };
    const fates = joinings.map((each) => fateOfJoining(each, named));
    expect(fates.map(({ type }) => type)).toEqual(types);
    const joined = joinedCounts(
      parts,
      joinings.map((each, n) => [each, fates[n] as never]),
    );
    expect(recordsOf(joined)).toBe(records);
    expect(joined).toMatchObject({ in: 3, dead });
    expect(joined.filtered).toBe(missing === 'dead' ? 1 : filtered);
    expect(joined.expanded).toBeGreaterThanOrEqual(0);
  });

  test('that a branch has made several of are ambiguous', () => {
    const found = [[1, 2], [3]];
    const named = { parts: ['face', 'match'], missing: 'pass' as const };
    expect(fateOfJoining({ found, failures: [] }, named)).toEqual({
      type: 'ambiguous',
      part: 'face',
    });
    expect(matched([{ chunk: root, counts, part: 0 }]).map(({ place }) => place)).toEqual([
      0, 1, 2,
    ]);
    expect(matched([{ chunk: root, counts: NO_COUNTS }])).toEqual([]);
    const missing = fateOfJoining({ found: [[1]], failures: [] }, { ...named, missing: 'dead' });
    expect(missing).toEqual({ type: 'missing', part: 'match' });
  });
});
