import { join } from 'node:path';
import type { RunReport } from '@leat/core';
import { generate } from '@leat/connectors/memory';
import { serve, type Service, startLocalRun } from '@leat/host';
import { connect } from '@leat/operate';
import { startNatsServer } from '@leat/nats-server';
import { fetcher, mapper, type Pipeline, pipeline, saver, TerminalError } from '@leat/sdk';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
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
async function host({ pipeline: given }: Graph, connection: { servers: string }) {
  const reports: RunReport[] = [];
  const roles = [['fetcher'], ['mapper'], ['saver']] as const;
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
