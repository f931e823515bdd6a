import type { RunReport } from '@leat/core';
import { generate } from '@leat/connectors/memory';
import { serve } from '@leat/host';
import { startNatsServer } from '@leat/nats-server';
import { connect } from '@leat/operate';
import { fetcher, join, mapper, pipeline, saver } from '@leat/sdk';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { MemorySink } from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const DEADLINE_MS = 60_000;
const COUNT = 400;
const Row = z.object({ n: z.int(), pad: z.string().optional() });
const Part = z.object({ n: z.int(), by: z.string() });

/** Two branches, one of which gives records up and the other leaves some out; and a join that fails for others. */
function graph() {
  let isMended = false;
  const sinks = { out: new MemorySink(), raw: new MemorySink() };
  const demandMended = (what: string): void => {
    if (!isMended) throw new Error(`${what} is not mended`);
  };
  const numbers = fetcher('numbers', {
    // Two chunks are too large for a message.
    source: generate(COUNT, (n) => ({ n, ...(n < 40 && { pad: 'x'.repeat(5_000) }) })),
    schema: Row,
    chunkSize: 20,
  });
  const face = mapper('face', {
    from: numbers,
    schema: Part,
    retry: 1,
    map: ({ n }) => {
      if (n % 10 === 3) demandMended('face');
      return { n, by: 'face' };
    },
  });
  const match = mapper('match', { from: numbers, filter: ({ n }) => n % 10 !== 5 });
  const kyc = join('kyc', {
    from: { face, match },
    schema: Part,
    missing: 'dead',
    retry: 1,
    map: ({ face: one, match: other }) => {
      if (one.n % 10 === 7) demandMended('kyc');
      return { n: other.n, by: `${one.by} and match` };
    },
  });
  return {
    sinks,
    mend: () => {
      isMended = true;
    },
    pipeline: pipeline('joined', {
      savers: [
        saver('out', { from: kyc, sink: sinks.out }),
        saver('raw', { from: numbers, sink: sinks.raw }),
      ],
    }),
  };
}

test('what branches and the join gave up is tried again from where it has to begin', async () => {
  const started = await startNatsServer({ config: 'max_payload: 64KB' });
  onTestFinished(() => started.stop());
  const connection = { servers: started.url };
  const made = graph();
  const reports: RunReport[] = [];
  for (const role of ['fetcher', 'mapper', 'mapper', 'saver'] as const) {
    const service = await serve(made.pipeline, {
      connection,
      roles: [role],
      onRunEnded: (report) => reports.push(report),
    });
    onTestFinished(() => service.stop(0));
  }
  const client = await connect(connection);
  onTestFinished(() => client.close());
  const run = await client.start(made.pipeline, { run: 'one' });
  await until('it has ended', () => reports.length === 1, DEADLINE_MS);
  const all = Array.from({ length: COUNT }, (_, n) => n);
  const each = COUNT / 10;
  expect(reports[0]).toMatchObject({ state: 'completed-with-dead-letters' });
  expect(reports[0]?.records).toMatchObject({ in: COUNT, dead: 3 * each, filtered: each });
  expect(made.sinks.out.numbers).toEqual(all.filter((n) => ![3, 5, 7].includes(n % 10)));
  expect(made.sinks.raw.numbers).toEqual(all);
  const letters = [];
  for await (const letter of client.dead.list(run.id, { pipeline: run.pipeline })) {
    letters.push(letter);
  }
  const said = letters.map(({ stage, branch = '', error, record }) =>
    [stage, branch, error.name, (JSON.parse(record) as { n?: number }).n === undefined].join(),
  );
  expect(new Set(said)).toEqual(
    new Set(['kyc,face,Error,false', 'kyc,match,MissingPart,false', 'kyc,,Error,true']),
  );
  expect(letters.find(({ branch }) => branch === 'face')?.position).toMatch(/^record \d*3 of/);

  made.mend();
  await client.dead.redrive(run.id, { pipeline: run.pipeline });
  await until('it has ended again', () => reports.length === 2, DEADLINE_MS);
  expect(reports[1]?.records).toMatchObject({ in: COUNT, dead: each, saved: 2 * COUNT - each });
  expect(made.sinks.out.numbers).toEqual(all.filter((n) => n % 10 !== 5));
  expect(made.sinks.raw.numbers).toEqual(all);
  expect(await client.verify(run.id, made.pipeline)).toMatchObject({ findings: [] });

  const nats = await connectNats({ servers: started.url });
  onTestFinished(() => nats.close());
  const manager = await jetstreamManager(nats);
  const { state } = await manager.streams.info('leat_joined_kyc');
  expect(state.messages).toBe(0);
  const bodies = await manager.streams.info('OBJ_leat_joined');
  expect(bodies.state.messages).toBe(0);
});
