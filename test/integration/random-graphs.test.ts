import { records } from '@leat/connectors/memory';
import { ndjsonSink } from '@leat/connectors/files';
import {
  fetcher,
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
  kind: fc.constantFrom('map', 'filter', 'flatMap', 'when', 'route'),
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

function drawn(stages: readonly Drawn[], given: readonly Item[]): Drawing {
  const numbers = fetcher('numbers', { source: records([...given]), schema: Item });
  const known: Known[] = [{ upstream: numbers, itemsOf: () => [...given] }];
  const read = new Set<Known>();
  let dead = 0;
  for (const [at, { kind, from: choice, and, salt, branches, isDead }] of stages.entries()) {
    const name = `s${at}`;
    const one = known[choice % known.length] as Known;
    const other = and === null ? one : (known[and % known.length] as Known);
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
  expect(tested.dead.every(({ error }) => error.name === 'NoBranch')).toBe(true);
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
