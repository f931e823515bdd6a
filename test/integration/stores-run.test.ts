import { postgresStores } from '@leat/connectors/postgres';
import { connect } from '@leat/operate';
import { DeadLetterStore } from '@leat/runtime';
import type { Stores } from '@leat/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPipeline, type OpenPipeline, SERVERS, sharedServer } from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  type MemoryPipeline,
  progressOf,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const COUNT = 60;
const DEADLINE_MS = 60_000;

/** A pipeline whose stage keeps something of everything, and gives up the numbers that are broken. */
interface Site {
  readonly open: OpenPipeline;
  readonly line: MemoryPipeline;
  readonly broken: Set<number>;
  /** The numbers whose effect has happened, as often as it has. */
  readonly charged: number[];
  readonly reports: readonly unknown[];
  readonly url: string;
}

async function site(url: string, broken: readonly number[], stores?: Stores): Promise<Site> {
  const own = { broken: new Set(broken), charged: [] as number[] };
  const made = memoryPipeline(
    COUNT,
    {
      map: async (record, { once, state, blobs }) => {
        await once('charge', () => void own.charged.push(record.n));
        await state.set('seen', record.n);
        await state.run.addTo('records');
        await state.pipeline.update<number>('last', (last = 0) => Math.max(last, record.n));
        const picture = Buffer.from(`picture ${record.n}`);
        const reference = await blobs.put('picture', picture);
        if (own.broken.has(record.n)) throw new Error('broken');
        const found = await blobs.get(reference);
        return picture.equals(found ?? Buffer.alloc(0)) ? record : { n: -1 };
      },
      retry: { attempts: 1, initialDelayMs: 50, maxDelayMs: 200 },
    },
    10,
  );
  const line = stores === undefined ? made : { ...made, pipeline: { ...made.pipeline, stores } };
  const open = await openPipeline({ url }, line.pipeline.spec);
  startStages(open, line);
  const { reports } = startFetcher(open, line);
  return { ...own, open, line, reports, url };
}

async function runToEnd({ open, line, reports }: Site, run: string): Promise<void> {
  const before = reports.length;
  await createRun(open, line, run);
  await until('the run ends', () => reports.length > before, DEADLINE_MS);
}

/** What stands in the stores for runs: the roots that there is something of, or `run` for what is shared. */
async function leftOf({ open }: Site): Promise<string[]> {
  const { state, data } = open.connection.openStores();
  const keys = [...(await state.keys('r')), ...(await data.keys('r')), ...(await state.keys('w'))];
  return [...new Set(keys.map((key) => key.split('.').slice(0, 4).join('.')))].toSorted();
}

/** How many messages are in the object store. */
async function objectsIn({ open }: Site): Promise<number> {
  const stream = `OBJ_${open.connection.topology.bucket}`;
  return (await open.connection.manager.streams.info(stream)).state.messages;
}

describe.each(SERVERS)('what stages keep on $server', ({ version }) => {
  const server = sharedServer(version);

  test('is gone when its run has ended without dead letters; the state of the pipeline is not', async () => {
    const here = await site(server().url, []);
    await runToEnd(here, 'run-1');
    expect(here.line.sink.numbers).toEqual(Array.from({ length: COUNT }, (_, n) => n));
    await until('nothing is left', async () => (await leftOf(here)).length === 0);
    expect(await objectsIn(here)).toBe(0);
    const { state } = here.open.connection.openStores();
    expect(await state.keys('p')).toEqual(['p.value.last']);
    expect((await state.get('p.value.last'))?.value).toBe(`{"v":1,"value":${COUNT - 1}}`);
  });

  test('stays for a root with a dead letter until the letter is dropped, and for no other', async () => {
    const here = await site(server().url, [25, 41]);
    await runToEnd(here, 'run-1');
    const kept = ['r.run-1.0.2', 'r.run-1.0.4', 'r.run-1.run.set', 'w.run-1.used'];
    await until('the others are gone', async () => `${await leftOf(here)}` === `${kept}`);
    await using leat = await connect({ servers: here.url });
    const { name } = here.line.pipeline;
    await leat.dead.drop('run-1', { pipeline: name, chunk: '2' });
    expect(await leftOf(here)).toEqual(kept.filter((key) => !key.endsWith('.0.2')));
    await leat.dead.drop('run-1', { pipeline: name });
    expect(await leftOf(here)).toEqual([]);
    expect(await objectsIn(here)).toBe(0);
  });

  test('is there when a record is redriven: what was done once is not done again', async () => {
    const here = await site(server().url, [3, 17]);
    await runToEnd(here, 'run-1');
    expect(here.charged.toSorted((a, b) => a - b)).toEqual(
      here.line.sink.numbers.concat(3, 17).toSorted((a, b) => a - b),
    );
    here.broken.clear();
    const { connection } = here.open;
    const store = new DeadLetterStore(connection.manager, here.line.pipeline.name, undefined);
    await connection.runs.redrives.set('run-1', { upTo: await store.last() });
    await until('it ends again', () => here.reports.length === 2, DEADLINE_MS);
    expect((await progressOf(here.open))?.state).toBe('completed');
    expect(here.line.sink.numbers).toHaveLength(COUNT);
    expect(here.charged).toHaveLength(COUNT);
    await until('nothing is left', async () => (await leftOf(here)).length === 0);
  });

  test('that a crash has left is removed at the end of the next run; that of a run that goes on is not', async () => {
    const here = await site(server().url, []);
    await runToEnd(here, 'run-1');
    await until('nothing is left', async () => (await leftOf(here)).length === 0);
    const { state } = here.open.connection.openStores();
    for (const run of ['run-1', 'unknown']) {
      await state.create(`w.${run}.used`, '');
      await state.create(`r.${run}.0.1.1.value.k`, 'left');
    }
    await runToEnd(here, 'run-2');
    expect((await progressOf(here.open, 'run-2'))?.state).toBe('completed');
    const others = ['r.unknown.0.1', 'w.unknown.used'];
    await until('it is gone', async () => `${await leftOf(here)}` === `${others}`);
  });
});

describe('in PostgreSQL', () => {
  let database: TestPostgres;
  beforeAll(async () => {
    database = await startPostgres();
  });
  afterAll(() => database[Symbol.asyncDispose]());
  const server = sharedServer(undefined);

  test('while it is away, records wait, which status says, and none is given up', async () => {
    const stores = postgresStores({ url: database.url });
    await database.stop();
    const here = await site(server().url, [], stores);
    await createRun(here.open, here.line, 'run-1');
    const told = async (): Promise<string> =>
      JSON.stringify(await here.open.connection.runs.notes.troubles('run-1'));
    await until(
      'status says why',
      async () => /the state store \(postgres\) cannot be used now/.test(await told()),
      DEADLINE_MS,
    );
    await database.restart();
    await until('the run ends', () => here.reports.length === 1, DEADLINE_MS);
    expect((await progressOf(here.open))?.state).toBe('completed');
    expect(here.charged).toHaveLength(COUNT);
    const logger = here.open.logger;
    const open = await stores.open({ pipeline: here.line.pipeline.name, logger });
    const isEmpty = async (): Promise<boolean> =>
      [...(await open.state.keys('r')), ...(await open.data.keys('r'))].length === 0;
    await until('nothing is left', isEmpty);
    expect(await open.state.keys('p')).toEqual(['p.value.last']);
    await open.close();
  });
});
