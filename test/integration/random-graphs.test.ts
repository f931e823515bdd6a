import { records } from '@leat/connectors/memory';
import { ndjsonSink } from '@leat/connectors/files';
import {
  fetcher,
  join,
  mapper,
  otherwise,
  type Pipeline,
  pipeline,
  route,
  saver,
  type Upstream,
  when,
} from '@leat/sdk';
import { testPipeline } from '@leat/testing';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';

const Item = z.object({ n: z.int(), via: z.string() });
type Item = z.infer<typeof Item>;
const sink = ndjsonSink('/nowhere');

/** What has been drawn of one stage; every number is taken modulo what there is to choose from. */
const anyStage = fc.record({
  kind: fc.constantFrom('map', 'filter', 'flatMap', 'when', 'route', 'join', 'join'),
  from: fc.nat(),
  and: fc.option(fc.nat(), { freq: 3 }),
  salt: fc.integer({ min: 2, max: 7 }),
  branches: fc.integer({ min: 1, max: 3 }),
  isDead: fc.boolean(),
});
type Drawn = typeof anyStage extends fc.Arbitrary<infer T> ? T : never;

/** Something that can be read, and by whom it is asked which records it has. */
interface Known {
  readonly upstream: Upstream<typeof Item, undefined>;
  readonly itemsOf: () => Item[];
}

/** A graph, and by saver the records that it comes to where one function is called after the other. */
interface Drawing {
  readonly pipeline: Pipeline;
  readonly saved: Readonly<Record<string, Item[]>>;
  readonly dead: number;
}

const copied = (item: Item, by: string, more: number): Item => ({
  n: item.n,
  via: `${item.via} ${by}${more}`,
});

/** What becomes of one record: it goes on, it is left out, or it is given up and nobody has made a letter yet. */
type Made = Item | 'filtered' | 'dead';

/** The end of a branch, and what its functions make of a record; they count the letters that are made within. */
interface Branch {
  readonly upstream: Upstream<typeof Item, undefined>;
  readonly of: (item: Item, letters: () => void) => Made;
}

/** Branches from one fork that are put together again, in one of which there may be others. */
function joined(name: string, from: Known['upstream'], salt: number, depth: number): Branch {
  const missing = (['dead', 'filter', 'pass'] as const)[salt % 3] as 'dead' | 'filter' | 'pass';
  const map = (item: Item): Item => copied(item, `${name}l`, 0);
  const left = mapper(`${name}l`, { from, schema: Item, map });
  const right = branchOf(`${name}r`, from, salt, depth);
  const hasFork = salt % 2 === 0;
  const put = (one?: Item, other?: Item): Item => ({
    n: one?.n ?? other?.n ?? 0,
    via: `(${one?.via} ${other?.via})`,
  });
  const branches = { left, right: right.upstream, ...(hasFork && { fork: from }) };
  const upstream = join(name, {
    from: branches,
    schema: Item,
    missing,
    map: ({ left: one, right: other }) => put(one, other),
  });
  const of = (item: Item, letters: () => void): Made => {
    const other = right.of(item, letters);
    if (typeof other === 'object') return put(map(item), other);
    if (missing !== 'pass')
      return other === 'dead' ? 'dead' : missing === 'dead' ? 'dead' : 'filtered';
    if (other === 'dead') letters();
    return put(map(item));
  };
  return { upstream, of };
}

/** A branch that leaves some records out, or gives some up, or divides and unites them, or has a join of its own. */
function branchOf(name: string, from: Known['upstream'], salt: number, depth: number): Branch {
  const isLeft = ({ n }: Item): boolean => n % salt !== 0;
  const kind = (salt + depth) % 4;
  if (kind === 0) {
    const of = (item: Item): Made => (isLeft(item) ? item : 'filtered');
    return { upstream: mapper(name, { from, filter: isLeft }), of };
  }
  const map = (item: Item): Item => {
    if (!isLeft(item)) throw new Torn(`${item.n} is torn`);
    return copied(item, name, 0);
  };
  const tear = mapper(name, { from, schema: Item, retry: 1, map });
  const torn = (item: Item): Made => (isLeft(item) ? copied(item, name, 0) : 'dead');
  if (kind === 1) return { upstream: tear, of: torn };
  if (kind === 2 && depth > 0) {
    const inner = joined(`${name}j`, tear, salt + 1, depth - 1);
    const of = (item: Item, letters: () => void): Made => {
      const made = torn(item);
      return typeof made === 'object' ? inner.of(made, letters) : made;
    };
    return { upstream: inner.upstream, of };
  }
  const { to } = route(`${name}f`, {
    from,
    to: ['a', 'b'],
    pick: ({ n }) => (n % 2 === 0 ? 'a' : n % 3 === 0 ? 'b' : undefined),
    otherwise: 'filter',
  });
  const even = mapper(`${name}e`, {
    from: to.a,
    schema: Item,
    map: (item) => copied(item, 'e', 0),
  });
  const of = (item: Item): Made =>
    item.n % 2 === 0 ? copied(item, 'e', 0) : item.n % 3 === 0 ? item : 'filtered';
  return {
    upstream: mapper(`${name}u`, { from: [even, odd(name, to.b)], filter: () => true }),
    of,
  };
}

/** The same schema as that of what it is united with. */
function odd(name: string, from: Known['upstream']): Known['upstream'] {
  return mapper(`${name}o`, { from, schema: Item, map: (item) => item });
}

class Torn extends Error {
  override readonly name = 'Torn';
}

function drawn(stages: readonly Drawn[], given: readonly Item[]): Drawing {
  const numbers = fetcher('numbers', { source: records([...given]), schema: Item });
  const known: Known[] = [{ upstream: numbers, itemsOf: () => [...given] }];
  const read = new Set<Known>();
  let dead = 0;
  for (const [at, { kind, from: choice, and, salt, branches, isDead }] of stages.entries()) {
    const name = `s${at}`;
    const one = known[choice % known.length] as Known;
    const other = and === null || kind === 'join' ? one : (known[and % known.length] as Known);
    read.add(one).add(other);
    const from = other === one ? one.upstream : ([one.upstream, other.upstream] as const);
    const items = other === one ? one.itemsOf() : [...one.itemsOf(), ...other.itemsOf()];
    const holds = ({ n }: Item): boolean => n % salt !== 0;
    if (kind === 'when') {
      const is = when(from, holds);
      known.push({ upstream: is, itemsOf: () => items.filter(holds) });
      if (!isDead)
        known.push({
          upstream: otherwise(is),
          itemsOf: () => items.filter((item) => !holds(item)),
        });
    } else if (kind === 'route') {
      const to = Array.from({ length: branches }, (_, nth) => `b${nth}`);
      const pick = ({ n }: Item): string[] => to.filter((_, nth) => (n + nth) % salt < 2);
      const { to: outputs } = route(name, {
        from,
        to,
        pick,
        otherwise: isDead ? 'dead' : 'filter',
      });
      for (const branch of to) {
        const upstream = outputs[branch] as Upstream<typeof Item, undefined>;
        known.push({
          upstream,
          itemsOf: () => items.filter((item) => pick(item).includes(branch)),
        });
      }
      if (isDead) dead += items.filter((item) => pick(item).length === 0).length;
    } else if (kind === 'join') {
      const { upstream, of } = joined(name, one.upstream, salt, branches - 1);
      const made = (letters: () => void): Made[] => one.itemsOf().map((item) => of(item, letters));
      const ended = made(() => dead++);
      dead += ended.filter((each) => each === 'dead').length;
      const isItem = (each: Made): each is Item => typeof each === 'object';
      known.push({ upstream, itemsOf: () => made(() => undefined).filter(isItem) });
    } else if (kind === 'filter') {
      known.push({
        upstream: mapper(name, { from, filter: holds }),
        itemsOf: () => items.filter(holds),
      });
    } else if (kind === 'map') {
      const map = (item: Item): Item => copied(item, name, 0);
      known.push({
        upstream: mapper(name, { from, schema: Item, map }),
        itemsOf: () => items.map(map),
      });
    } else {
      const flatMap = (item: Item): Item[] =>
        Array.from({ length: item.n % salt }, (_, nth) => copied(item, name, nth));
      known.push({
        upstream: mapper(name, { from, schema: Item, flatMap }),
        itemsOf: () => items.flatMap(flatMap),
      });
    }
  }
  const ends = known.filter((each) => !read.has(each));
  const saved: Record<string, Item[]> = {};
  const savers = ends.map(({ upstream, itemsOf }, nth) => {
    saved[`out${nth}`] = itemsOf();
    return saver(`out${nth}`, { from: upstream, sink });
  });
  return { pipeline: pipeline('random', { savers }), saved, dead };
}

const sorted = (items: readonly unknown[]): string[] =>
  items.map((item) => JSON.stringify(item)).toSorted();

const anyRun = fc
  .tuple(
    fc.array(anyStage, { minLength: 1, maxLength: 6 }),
    fc.array(fc.nat(40), { maxLength: 30 }),
    fc.integer({ min: 1, max: 9 }),
  )
  .map(([stages, numbers, chunkSize]) => {
    const given = numbers.map((n, at) => ({ n, via: `${at}` }));
    return { given, chunkSize, ...drawn(stages, given) };
  });

/** Runs it, and says whether it gives what its functions give, one after the other. */
async function expectAsEvaluated(
  {
    pipeline: graph,
    given,
    chunkSize,
    saved,
    dead,
  }: Drawing & { given: Item[]; chunkSize: number },
  server: boolean,
): Promise<void> {
  const tested = await testPipeline(graph, given, { chunkSize, server });
  for (const [name, items] of Object.entries(saved)) {
    expect(sorted(tested.results[name] ?? [])).toEqual(sorted(items));
  }
  expect(tested.dead).toHaveLength(dead);
  const names = ['NoBranch', 'MissingPart', 'Torn'];
  expect(names).toEqual(expect.arrayContaining(tested.dead.map(({ error }) => error.name)));
  const { in: inn, expanded, saved: kept, filtered, dead: buried } = tested.records;
  expect(inn + expanded).toBe(kept + filtered + buried);
  expect(buried).toBe(dead);
}

test.each([
  ['in memory', false, 150],
  ['with services, over a server', true, 6],
])(
  'any graph with branches and unions gives what its functions give, one after the other: %s',
  async (_, server, numRuns) => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(anyRun, async (run) => {
        await expectAsEvaluated(run, server);
        runs++;
      }),
      { numRuns },
    );
    expect(runs).toBe(numRuns);
  },
  60_000,
);
