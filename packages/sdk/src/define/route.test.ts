import { expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import type { Sink, Source } from '../contracts.ts';
import { fetcher } from './fetcher.ts';
import { mapper } from './mapper.ts';
import { pipeline } from './pipeline.ts';
import { route } from './route.ts';
import { saver } from './saver.ts';
import type { Output } from './stages.ts';
import { otherwise, when } from './when.ts';

const Order = z.object({ id: z.string(), total: z.number() });
type Order = z.infer<typeof Order>;
const source: Source<Order> = { kind: 'test', chunks: async function* () {} };
const sink: Sink<Order> = { kind: 'test', open: () => Promise.reject(new Error('not opened')) };

const orders = fetcher('orders', { source, schema: Order });
const priced = mapper('priced', { from: orders, schema: Order, map: (order) => order });
const triage = route('triage', {
  from: priced,
  to: ['big', 'small'],
  pick: ({ total }) => (total > 1_000 ? 'big' : 'small'),
  otherwise: 'dead',
});

test('a route is a stage, whose branches are read', () => {
  const review = mapper('review', { from: triage.to.big, schema: Order, map: (order) => order });
  const both = saver('both', { from: [review, triage.to.small], sink });
  expect(pipeline('p', { savers: [both] }).spec.stages).toEqual([
    { name: 'orders', kind: 'fetcher' },
    { name: 'priced', kind: 'mapper', from: 'orders' },
    { name: 'triage', kind: 'mapper', from: 'priced', inline: true, to: ['big', 'small'] },
    { name: 'review', kind: 'mapper', from: 'triage#big' },
    { name: 'both', kind: 'saver', from: ['review', 'triage#small'] },
  ]);
  expect(triage.to.big.schema).toBe(Order);
  expectTypeOf(triage.to).toEqualTypeOf<
    Readonly<Record<'big' | 'small', Output<typeof Order, undefined>>>
  >();
  // @ts-expect-error it has no such branch
  expect(triage.to.huge).toBeUndefined();
});

test('every branch of a route is read', () => {
  const big = saver('big', { from: triage.to.big, sink });
  expect(() => pipeline('p', { savers: [big] })).toThrow(
    'The pipeline "p" has a branch triage#small that no stage reads from.',
  );
});

test('a predicate has two branches, of which those count that are read', () => {
  const large = when(orders, ({ total }) => total > 10);
  const savers = [saver('large', { from: large, sink })];
  expect(pipeline('p', { savers }).spec.stages).toEqual([
    { name: 'orders', kind: 'fetcher' },
    { name: 'orders-when', kind: 'mapper', from: 'orders', to: ['is'] },
    { name: 'large', kind: 'saver', from: 'orders-when#is' },
  ]);
  savers.push(saver('small', { from: otherwise(large), sink }));
  const both = pipeline('p', { savers });
  expect(both.spec.stages[1]).toMatchObject({ to: ['is', 'otherwise'] });
  const rest = saver('rest', { from: otherwise(large), sink });
  expect(pipeline('p', { savers: [rest] }).spec.stages[1]).toMatchObject({ to: ['otherwise'] });
});

test('predicates on one stage have names of their own', () => {
  const [one, two] = [when(priced, () => true), when(priced, () => false)];
  const named = [one, two, when(one, () => true), when(triage.to.big, () => true)];
  expect(named.map(({ stage }) => stage.name)).toEqual([
    'priced-when',
    'priced-when-2',
    'priced-when-3',
    'triage-big-when',
  ]);
  const long = mapper('a'.repeat(31), { from: orders, filter: () => true });
  expect(when(long, () => true).stage.name).toBe(`${'a'.repeat(26)}-when`);
});

test.each([
  [{ to: [] }, 'to must be a list of the names of its branches'],
  [{ to: 'big' }, 'to must be a list of the names of its branches'],
  [{ to: ['big', 'big'] }, 'has two branches named "big"'],
  [{ to: ['big#'] }, 'The name of a branch "big#" must be'],
  [{ pick: 'big' }, 'pick must be a function'],
  [{ otherwise: undefined }, "otherwise must be 'filter' or 'dead'"],
  [{ otherwise: 'drop' }, "otherwise must be 'filter' or 'dead'"],
  [{ from: undefined }, 'reads from nothing: from must be a fetcher, a mapper or a branch'],
  [
    { from: triage },
    'reads the route "triage": name one of its branches, triage.to.big or triage.to.small',
  ],
  [{ recorded: true }, 'recorded'],
])('a route is refused with %o', (wrong, sentence) => {
  const good = { from: orders, to: ['big'], pick: () => 'big', otherwise: 'dead' };
  expect(() => route('other', { ...good, ...wrong } as never)).toThrow(sentence);
});

test('otherwise is that of a predicate, and a predicate is a function', () => {
  const sentence = 'otherwise must be given what when() gives';
  const large = when(orders, () => true);
  for (const wrong of [undefined, orders, triage, triage.to.big, otherwise(large)]) {
    expect(() => otherwise(wrong as never)).toThrow(sentence);
  }
  expect(() => when(orders, 'large' as never)).toThrow('the predicate must be a function');
  expect(() => when(triage as never, () => true)).toThrow('reads the route "triage"');
});

test('a pick names branches of its route, at once', () => {
  const common = { from: orders, to: ['big', 'small'], otherwise: 'filter' } as const;
  // @ts-expect-error it has no such branch
  route('r', { ...common, pick: () => 'huge' });
  // @ts-expect-error nobody waits
  route('r', { ...common, pick: async () => 'big' });
  // @ts-expect-error it says yes or no
  when(orders, ({ total }) => total);
  const many = route('r', {
    ...common,
    pick: ({ total }, { run }) => (run.id === '' && total > 1 ? ['big'] : []),
  });
  expectTypeOf(many.to.small.schema).toEqualTypeOf<typeof Order>();
  expect(Object.keys(many.to)).toEqual(['big', 'small']);
});
