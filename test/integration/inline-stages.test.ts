import { once } from 'node:events';
import { join } from 'node:path';
import { type RunReport, streamName } from '@leat/core';
import { generate } from '@leat/connectors/memory';
import { type Role, serve, type Service, startLocalRun } from '@leat/host';
import { connect } from '@leat/operate';
import { startNatsServer } from '@leat/nats-server';
import { fetcher, mapper, type Pipeline, pipeline, saver, TerminalError } from '@leat/sdk';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { openPipeline } from '../support/jetstream.ts';
import { MemorySink } from '../support/memory-pipeline.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const Row = z.object({ n: z.int() });
const DEADLINE_MS = 60_000;
/** What the second mapper cannot have, until it is mended. */
const isBad = (n: number): boolean => n % 50 === 7;

interface Graph {
  readonly pipeline: Pipeline;
  readonly sinks: Readonly<Record<'all' | 'odd' | 'seen', MemorySink>>;
  mend: () => void;
}

/** Two mappers in a row, of which each has two readers, and dead letters at both, and at a saver. */
function graph(name: string, inline: boolean | undefined): Graph {
  const sinks = { all: new MemorySink(), odd: new MemorySink(), seen: new MemorySink() };
  let isMended = false;
  const numbers = fetcher('numbers', {
    source: generate(1_000, (n) => ({ n })),
    schema: Row,
    chunkSize: 20,
  });
  const doubled = mapper('doubled', {
    from: numbers,
    schema: Row,
    retry: 1,
    flatMap: ({ n }) => {
      if (n % 100 === 3) throw new TerminalError(`${n} cannot be doubled`);
      return n % 9 === 0 ? [] : [{ n }, { n: n + 1_000 }];
    },
  });
  const checked = mapper('checked', {
    from: doubled,
    schema: Row,
    retry: 1,
    ...(inline !== undefined && { inline }),
    map: async ({ n }) => {
      if (isBad(n) && !isMended) throw new Error(`${n} is bad`);
      await Promise.resolve();
      return { n };
    },
  });
  const odds = mapper('odds', { from: checked, filter: ({ n }) => n % 2 === 1 });
  return {
    sinks,
    mend: () => {
      isMended = true;
    },
    pipeline: pipeline(name, {
      savers: [
        saver('all', { from: checked, sink: sinks.all, ...(inline !== undefined && { inline }) }),
        saver('odd', { from: odds, sink: sinks.odd, ...(inline !== undefined && { inline }) }),
        saver('seen', { from: doubled, sink: sinks.seen }),
      ],
    }),
  };
}

async function server(): Promise<{ readonly servers: string }> {
  const started = await startNatsServer();
  onTestFinished(() => started.stop());
  return { servers: started.url };
}

/** Hosts all stages, one role a process as it were, and gives the reports of runs that end. */
async function host(
  { pipeline: given }: Pick<Graph, 'pipeline'>,
  connection: { servers: string },
  roles: readonly (readonly Role[])[] = [['fetcher'], ['mapper'], ['saver']],
) {
  const reports: RunReport[] = [];
  const services: Service[] = [];
  for (const each of roles) {
    services.push(
      await serve(given, { connection, roles: each, onRunEnded: (report) => reports.push(report) }),
    );
  }
  onTestFinished(async () => {
    for (const service of services) await service.stop(0);
  });
  const client = await connect(connection);
  onTestFinished(() => client.close());
  return { reports, services, client };
}

/** What does not depend on when a run was, or how long it took. */
function essence({ state, records, chunks, digest }: RunReport): object {
  const { in: read, expanded, saved, filtered, dead } = records;
  return { state, read, expanded, saved, filtered, dead, chunks, digest };
}

test('a run is the same whether its stages are inline or have queues, and so is what is tried again', async () => {
  const connection = await server();
  const ends: object[] = [];
  for (const inline of [undefined, true] as const) {
    const made = graph(`same-${String(inline)}`, inline);
    const { reports, services, client } = await host(made, connection);
    expect(services[1]?.stages).toEqual(
      inline === true
        ? ['doubled', 'checked', 'all', 'odds', 'odd']
        : ['doubled', 'checked', 'odds'],
    );
    const run = await client.start(made.pipeline, { run: 'one' });
    await until('it has ended', () => reports.length === 1, DEADLINE_MS);
    made.mend();
    await client.dead.redrive(run.id, { pipeline: run.pipeline });
    await until('it has ended again', () => reports.length === 2, DEADLINE_MS);
    const { all, odd, seen } = made.sinks;
    ends.push({
      reports: reports.map(essence),
      all: all.numbers,
      odd: odd.numbers,
      seen: seen.numbers,
    });
  }
  const [queued, inline] = ends;
  expect(inline).toEqual(queued);
});

/** A sink that commits when it is let go; what it was asked by then is counted. */
class GatedSink extends MemorySink {
  asked = 0;
  letGo: () => void = () => undefined;
  readonly #gate = new Promise<void>((resolve) => (this.letGo = resolve));

  override open: MemorySink['open'] = async () => ({
    commit: async (chunks) => {
      this.asked += chunks.length;
      await this.#gate;
      return chunks.map((chunk) => {
        this.chunks.set(chunk.receipt.chunk, chunk);
        return { receipt: chunk.receipt, isDuplicate: false };
      });
    },
    receipts: async function* () {},
    read: async function* () {},
    close: async () => undefined,
  });
}

describe('while an inline saver commits', () => {
  /** A run whose first chunks are being committed, and how many chunks its mapper has or may have. */
  async function committing(name: string, count: number) {
    const connection = await server();
    const sink = new GatedSink();
    const source = generate(count, (n) => ({ n }));
    const numbers = fetcher('numbers', { source, schema: Row, chunkSize: 20, window: 30 });
    const work = mapper('work', { from: numbers, schema: Row, map: (row) => row });
    const out = saver('out', { from: work, sink, inline: true });
    const made = { pipeline: pipeline(name, { savers: [out] }) };
    const { reports, client } = await host(made, connection, [['fetcher'], ['mapper']]);
    const open = await openPipeline({ url: connection.servers }, made.pipeline.spec);
    const queued = async (): Promise<number> => {
      const { state } = await open.connection.manager.streams.info(streamName(name, 'work'));
      return state.messages;
    };
    const run = await client.start(made.pipeline);
    await until('it commits', () => sink.asked > 0, DEADLINE_MS);
    return { sink, run, reports, queued };
  }

  test('a run is paused: what is in hand is saved, and the rest when it goes on', async () => {
    const { sink, run, reports, queued } = await committing('paused', 1_000);
    await run.pause();
    await until('it is paused', async () => (await run.report()).state === 'paused', DEADLINE_MS);
    const before = await queued();
    sink.letGo();
    await until('what was in hand is saved', async () => (await queued()) < before, DEADLINE_MS);
    expect(sink.numbers.length).toBeGreaterThan(0);
    await run.resume();
    await until('it has ended', () => reports.length === 1, DEADLINE_MS);
    expect(reports[0]).toMatchObject({ state: 'completed', records: { saved: 1_000 } });
    expect(sink.numbers).toHaveLength(1_000);
  });

  test('a run is cancelled: its report has what was being committed', async () => {
    // So many that it has not ended when it is heard.
    const { sink, run, reports } = await committing('cancelled', 1_000_000);
    const cancelled = run.cancel();
    sink.letGo();
    await cancelled;
    await until('it has ended', () => reports.length === 1, DEADLINE_MS);
    expect(sink.numbers.length).toBeGreaterThan(0);
    expect(reports[0]).toMatchObject({
      state: 'cancelled',
      records: { saved: sink.numbers.length },
    });
  });
});

test('a sink that is not that of the run: each record is worked on once, and saved when it is there again', async () => {
  const connection = await server();
  let mark = 'first';
  let opened = 0;
  const sink = new MemorySink();
  const { open } = sink;
  sink.open = async (context) => {
    opened++;
    return { ...(await open(context)), identity: { mark, place: 'there' } };
  };
  const source = generate(100, (n) => ({ n }));
  const numbers = fetcher('numbers', { source, schema: Row, chunkSize: 10 });
  let calls: number[] = [];
  let isHeld = true;
  const work = mapper('work', {
    from: numbers,
    schema: Row,
    map: async (row, { signal }) => {
      calls.push(row.n);
      // Until the service is stopped, which gives back what is in hand.
      if (isHeld && row.n >= 10) await once(signal, 'abort');
      return row;
    },
  });
  const out = saver('out', { from: work, sink, inline: true });
  const made = { pipeline: pipeline('lost-sink', { savers: [out] }) };
  const before = await host(made, connection, [['fetcher'], ['mapper']]);
  const run = await before.client.start(made.pipeline);
  await until('a chunk is saved', () => sink.chunks.size > 0, DEADLINE_MS);
  const noted = async (): Promise<boolean> => (await run.report()).records.saved > 0;
  await until('it is in the books', noted, DEADLINE_MS);
  for (const service of before.services) await service.stop(0);
  isHeld = false;
  calls = [];
  mark = 'another';
  const openedBefore = opened;
  const { reports } = await host(made, connection, [['fetcher'], ['mapper']]);
  await until('it was tried many times', () => opened >= openedBefore + 5, DEADLINE_MS);
  expect((await run.report()).troubles).toMatchObject([
    { stage: 'out', reason: expect.stringContaining('put it back') as string },
  ]);
  mark = 'first';
  await until('it has ended', () => reports.length === 1, DEADLINE_MS);
  expect(reports[0]).toMatchObject({ state: 'completed', records: { saved: 100 } });
  expect(calls.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 90 }, (_, n) => n + 10));
});

describe('in one process, with a server of its own', () => {
  /** A folder for the state of runs. */
  async function stateDir(): Promise<string> {
    const dir = await tempDir();
    onTestFinished(() => dir[Symbol.asyncDispose]());
    return join(dir.path, 'state');
  }

  /** One mapper, and a saver that may say whether it has a queue. */
  function line(inline?: boolean, onRecord: (n: number) => void = () => undefined) {
    const sink = new MemorySink();
    const source = generate(1_000, (n) => ({ n }));
    const numbers = fetcher('numbers', { source, schema: Row, chunkSize: 20 });
    const work = mapper('work', {
      from: numbers,
      schema: Row,
      retry: 1,
      flatMap: ({ n }) => {
        onRecord(n);
        if (isBad(n)) throw new Error(`${n} is bad`);
        return n % 9 === 0 ? [] : [{ n }];
      },
    });
    const out = saver('out', { from: work, sink, ...(inline !== undefined && { inline }) });
    return { sink, pipeline: pipeline('line', { savers: [out] }) };
  }

  test('a lone reader is inline unless it is said that it has a queue, and a run is the same', async () => {
    const ends: object[] = [];
    for (const inline of [undefined, false]) {
      const { sink, pipeline: given } = line(inline);
      await using run = await startLocalRun(given, { stateDir: await stateDir(), mappers: 2 });
      expect(run.pipeline.spec.stages.at(-1)?.inline).toBe(inline === undefined ? true : undefined);
      const { report } = await run.ended;
      ends.push({ report: report && essence(report), saved: sink.numbers });
    }
    expect(ends[0]).toEqual(ends[1]);
    expect(ends[0]).toMatchObject({ report: { state: 'completed-with-dead-letters', dead: 20 } });
  });

  test.each([
    ['a queue', false, undefined],
    ['none', undefined, false],
  ])('a run that was begun with %s in front of a stage goes on so', async (_, before, since) => {
    const state = await stateDir();
    const stop = new AbortController();
    const first = line(before, (n) => {
      if (n === 500) stop.abort(new Error('enough'));
    });
    const begun = await startLocalRun(first.pipeline, { stateDir: state, signal: stop.signal });
    await begun.ended;
    await begun[Symbol.asyncDispose]();
    const second = line(since);
    for (const [id, chunk] of first.sink.chunks) second.sink.chunks.set(id, chunk);
    await using run = await startLocalRun(second.pipeline, { stateDir: state });
    expect(run.run).toBe(begun.run);
    expect(run.pipeline.spec).toEqual(begun.pipeline.spec);
    const { report } = await run.ended;
    expect(report).toMatchObject({ state: 'completed-with-dead-letters', records: { in: 1_000 } });
    const wanted = Array.from({ length: 1_000 }, (__, n) => n);
    expect(second.sink.numbers).toEqual(wanted.filter((n) => !isBad(n) && n % 9 !== 0));
  });
});
