import { type RunReport } from '@leat/core';
import { generate } from '@leat/connectors/memory';
import { serve, type Service } from '@leat/host';
import { connect } from '@leat/operate';
import { startNatsServer } from '@leat/nats-server';
import { fetcher, mapper, type Pipeline, pipeline, saver, TerminalError } from '@leat/sdk';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { MemorySink } from '../support/memory-pipeline.ts';
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
