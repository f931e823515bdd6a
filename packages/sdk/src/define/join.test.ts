import { LeatError } from '@leat/core';
import { expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import type { Sink, Source } from '../contracts.ts';
import { fetcher } from './fetcher.ts';
import { type Branches, join } from './join.ts';
import { mapper } from './mapper.ts';
import { pipeline } from './pipeline.ts';
import { route } from './route.ts';
import { saver } from './saver.ts';
import type { Mapper } from './stages.ts';
import { originOf } from './sources.ts';
import { when } from './when.ts';

const Photo = z.object({ id: z.string() });
type Photo = z.infer<typeof Photo>;
const Face = z.object({ name: z.string() });
const Match = z.object({ score: z.number() });
const source: Source<Photo> = { kind: 'test', chunks: async function* () {} };
const sink: Sink<Photo> = { kind: 'test', open: () => Promise.reject(new Error('not opened')) };

const photos = fetcher('photos', { source, schema: Photo });
const face = mapper('face', { from: photos, schema: Face, map: ({ id }) => ({ name: id }) });
const match = mapper('match', { from: photos, schema: Match, map: () => ({ score: 1 }) });
const map = (): Photo => ({ id: 'a' });
const specOf = (from: Mapper<typeof Photo, undefined>) =>
  pipeline('p', { savers: [saver('out', { from, sink })] }).spec.stages;

test('a join reads the ends of branches, and the fork for its letters', () => {
  const kyc = join('kyc', {
    from: { face, match },
    schema: Photo,
    missing: 'dead',
    map: (parts) => {
      expectTypeOf(parts).toEqualTypeOf<{
        readonly face: { name: string };
        readonly match: { score: number };
      }>();
      return map();
    },
  });
  expect(specOf(kyc).find(({ name }) => name === 'kyc')).toEqual({
    name: 'kyc',
    kind: 'mapper',
    from: ['face', 'match', 'photos'],
    join: { fork: 'photos', parts: ['face', 'match'], missing: 'dead' },
  });
  const { schema, kind, name } = originOf(kyc);
  expect([kind, name]).toEqual(['mapper', 'face and match']);
  expect(schema.safeParse({ face: { name: 'a' } }).success).toBe(false);
});

test('where parts may be missing, they may be undefined, and the fork is not read', () => {
  const kyc = join('kyc', {
    from: { face, match },
    schema: Photo,
    missing: 'pass',
    map: (parts) => {
      expectTypeOf(parts.face).toEqualTypeOf<{ name: string } | undefined>();
      return map();
    },
  });
  expect(kyc.from.map(({ name }) => name)).toEqual(['face', 'match']);
  expect(originOf(kyc).schema.safeParse({}).success).toBe(true);
});

test('the fork is the nearest stage, or branch of a route, that all records come through', () => {
  const forkOf = (from: Branches<undefined>, missing: 'dead' | 'pass' = 'dead') =>
    join('kyc', { from, schema: Photo, missing, map }).joins?.fork;
  const on = (name: string, from: typeof photos) => mapper(name, { from, schema: Photo, map });
  const first = on('first', photos);
  const one = on('one', first as never);
  const other = on('other', first as never);
  expect(forkOf({ one, other })).toBe('first');
  expect(forkOf({ one, other, face })).toBe('photos');
  expect(forkOf({ photos, face })).toBe('photos');
  const union = mapper('both', { from: [one, other], schema: Photo, map });
  expect(forkOf({ union, face })).toBe('photos');
  expect(forkOf({ union, first })).toBe('first');
  const { to } = route('triage', {
    from: photos,
    to: ['a', 'b'],
    pick: () => 'a',
    otherwise: 'dead',
  });
  const a = mapper('in-a', { from: to.a, schema: Photo, map });
  const more = mapper('more', { from: to.a, schema: Photo, map });
  const b = mapper('in-b', { from: to.b, schema: Photo, map });
  expect(forkOf({ a, more })).toBe('triage#a');
  expect(forkOf({ a, b }, 'pass')).toBe('triage');
  const few = when(photos, () => true);
  expect(forkOf({ few: on('few', few as never), face })).toBe('photos');
  expect(() => forkOf({ a, b })).toThrow(
    "which not every record takes: its missing must be 'pass'",
  );
});

test.each<[string, object, string]>([
  ['one branch', { from: { face } }, 'from must name two branches or more: from: { face, match }'],
  ['no branches', { from: undefined }, 'from must name two branches or more'],
  ['a list', { from: [face, match] }, 'from must name two branches or more'],
  ['a bad name', { from: { 'a b': face, match } }, 'The name of a branch "a b"'],
  ['a branch that is none', { from: { face, match: 1 } }, 'reads from nothing'],
  ['no missing', { missing: undefined }, "missing must be 'dead', 'filter' or 'pass'"],
  ['no map', { map: undefined }, 'map must be a function'],
  ['no schema', { schema: undefined }, 'needs a schema made by zod'],
  ['an unknown option', { inline: true }, 'There is no option "inline"'],
  ['no whole concurrency', { concurrency: 0.5 }, 'concurrency must be a whole number from 1'],
  [
    'numbers that are read in two ways',
    {
      from: {
        face,
        match: mapper('m', {
          from: photos,
          schema: Match,
          numbers: 'bigint',
          map: () => ({ score: 1 }),
        }),
      },
    },
    'whose numbers are not read alike',
  ],
  [
    'branches of two pipelines',
    { from: { face, other: fetcher('others', { source, schema: Photo }) } },
    'joins "face" and "others", which come from no one stage',
  ],
])('a join with %s is refused', (_, options, sentence) => {
  const given = { from: { face, match }, schema: Photo, missing: 'dead', map, ...options } as never;
  expect(() => join('kyc', given)).toThrow(LeatError);
  expect(() => join('kyc', given)).toThrow(sentence);
});

test('what leaves a branch beside its join is refused', () => {
  const kyc = join('kyc', { from: { face, match }, schema: Photo, missing: 'dead', map });
  const side = saver('side', { from: face, sink: sink as never });
  expect(() => pipeline('p', { savers: [saver('out', { from: kyc, sink }), side] })).toThrow(
    'a saver side that reads from face, within the branches that kyc puts together',
  );
});
