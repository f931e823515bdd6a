import type { RunReport } from '@leat/core';
import { generate } from '@leat/connectors/memory';
import { serve } from '@leat/host';
import { startNatsServer } from '@leat/nats-server';
import { connect } from '@leat/operate';
import { fetcher, mapper, otherwise, type Pipeline, pipeline, route, saver, when } from '@leat/sdk';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { MemorySink } from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const Row = z.object({ n: z.int() });
const DEADLINE_MS = 60_000;
const COUNT = 600;

interface Routed {
  readonly pipeline: Pipeline;
  readonly sinks: Readonly<Record<'few' | 'big' | 'small' | 'both' | 'twin', MemorySink>>;
  mend: () => void;
}

/** A predicate on the fetcher, and a route behind a mapper, some of whose records take no branch until it is mended. */
function graph(name: string, inline: boolean | undefined): Routed {
  const sinks = {
    few: new MemorySink(),
    big: new MemorySink(),
    small: new MemorySink(),
    both: new MemorySink(),
    twin: new MemorySink(),
  };
  let isMended = false;
  const numbers = fetcher('numbers', {
    source: generate(COUNT, (n) => ({ n })),
    schema: Row,
    chunkSize: 20,
  });
  const links = inline === undefined ? {} : { inline };
  const few = when(numbers, ({ n }) => n % 10 === 0);
  const others = mapper('others', { from: otherwise(few), filter: () => true, ...links });
  const { to } = route('triage', {
    from: others,
    to: ['big', 'small'],
    pick: ({ n }) => {
      if (n % 50 === 7 && !isMended) return undefined;
      return n % 50 === 9 ? ['small', 'big'] : n > 300 ? 'big' : 'small';
    },
    otherwise: 'dead',
  });
  return {
    sinks,
    mend: () => {
      isMended = true;
    },
    pipeline: pipeline(name, {
      savers: [
        saver('few', { from: few, sink: sinks.few, ...links }),
        saver('big', { from: to.big, sink: sinks.big, ...links }),
        saver('small', { from: to.small, sink: sinks.small, ...links }),
        saver('both', { from: [to.big, to.small], sink: sinks.both }),
        saver('twin', { from: [to.small, to.big], sink: sinks.twin }),
      ],
    }),
  };
}

test('records that took no branch are tried again and take one, with queues and without', async () => {
  const started = await startNatsServer();
  onTestFinished(() => started.stop());
  const connection = { servers: started.url };
  const all = Array.from({ length: COUNT }, (_, n) => n);
  const others = all.filter((n) => n % 10 !== 0);
  const lost = all.filter((n) => n % 50 === 7);
  const twice = all.filter((n) => n % 50 === 9);
  for (const inline of [undefined, true] as const) {
    const made = graph(`routed-${String(inline)}`, inline);
    const reports: RunReport[] = [];
    for (const role of ['fetcher', 'mapper', 'saver'] as const) {
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
    expect(reports[0]?.records).toMatchObject({ in: COUNT, filtered: 0, dead: lost.length });
    const letters = [];
    for await (const letter of client.dead.list(run.id, { pipeline: run.pipeline })) {
      letters.push(letter);
    }
    expect(letters).toHaveLength(lost.length);
    expect(letters[0]).toMatchObject({
      stage: 'triage',
      error: {
        name: 'NoBranch',
        message: expect.stringContaining('none of the branches big, small'),
      },
    });

    made.mend();
    await client.dead.redrive(run.id, { pipeline: run.pipeline });
    await until('it has ended again', () => reports.length === 2, DEADLINE_MS);
    const { records, state } = reports[1] as RunReport;
    expect(state).toBe('completed');
    // Two readers more of every branch, and the records that take both.
    const copies = 2 * others.length + 3 * twice.length;
    const saved = COUNT + copies;
    expect(records).toMatchObject({ in: COUNT, expanded: copies, filtered: 0, dead: 0, saved });
    const { few, big, small, both, twin } = made.sinks;
    expect(few.numbers).toEqual(all.filter((n) => n % 10 === 0));
    const isBig = (n: number): boolean => n % 50 === 9 || n > 300;
    expect(big.numbers).toEqual(others.filter(isBig));
    expect(small.numbers).toEqual(others.filter((n) => n % 50 === 9 || !isBig(n)));
    expect(both.numbers).toEqual([...others, ...twice].toSorted((a, b) => a - b));
    expect(twin.numbers).toEqual(both.numbers);
    expect(await client.verify(run.id, made.pipeline)).toMatchObject({ findings: [] });
    for (const chunk of [...twin.chunks.keys()].slice(0, 1)) twin.chunks.delete(chunk);
    const { findings } = await client.verify(run.id, made.pipeline);
    expect(findings).toContainEqual(
      expect.stringMatching(/^both and twin read the same records; /),
    );
  }
});
