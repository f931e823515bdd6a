import { BusyError } from '@leat/core';
import type { LocalRunOptions } from '@leat/host';
import { startLocalRun } from '@leat/host';
import { records } from '@leat/connectors/memory';
import { fetcher, mapper, type Pipeline, pipeline, saver, type Sink } from '@leat/sdk';
import { type NatsServer, startNatsServer } from '@leat/nats-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { recordingLogger } from '../support/recording-logger.ts';
import { newName } from '../support/jetstream.ts';
import { MemorySink } from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const COUNT = 120;
/** Longer than anything that a stop waits for, and on a busy machine. */
const DEADLINE_MS = 60_000;

/** What keeps a run waiting, until `isMended`. */
interface Obstacle {
  isMet: boolean;
  isMended: boolean;
}

const never = (): Promise<never> => new Promise(() => undefined);
const busy = (): Promise<never> => Promise.reject(new BusyError('come again'));
const away = (): Promise<never> => Promise.reject(new Error('it is away'));

/** Numbers through a mapper into memory, over something that keeps them waiting. */
function line(
  obstacle: Obstacle,
  {
    sourceAt,
    map,
    open,
    commit,
  }: Partial<Record<'map' | 'open' | 'commit', () => Promise<never>>> & {
    readonly sourceAt?: number;
  },
): { readonly definition: Pipeline; readonly sink: MemorySink } {
  const meet = <T>(wait: () => Promise<T>): Promise<T> => {
    obstacle.isMet = true;
    return wait();
  };
  const numbers = async function* (): AsyncGenerator<{ n: number }> {
    for (let n = 0; n < COUNT; n++) {
      if (n === sourceAt && !obstacle.isMended) await meet(never);
      yield { n };
    }
  };
  const sink = new MemorySink();
  const waiting: Sink<{ n: number }> = {
    kind: 'waiting',
    open: async (context) => {
      if (open !== undefined && !obstacle.isMended) await meet(open);
      const session = await sink.open(context);
      return {
        ...session,
        commit: (chunks) =>
          commit === undefined || obstacle.isMended ? session.commit(chunks) : meet(commit),
      };
    },
  };
  const schema = z.object({ n: z.int() });
  const from = fetcher('numbers', { source: records(numbers), schema, chunkSize: 10 });
  const work = mapper('work', {
    from,
    schema,
    map: (record) =>
      map === undefined || obstacle.isMended || record.n !== 55 ? record : meet(map),
  });
  const savers = [saver('out', { from: work, sink: waiting })];
  return { definition: pipeline(newName(), { savers }), sink };
}

describe('the first stop ends a run, which can go on,', () => {
  let server: NatsServer | undefined;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server?.stop());

  test.concurrent.each<[string, Parameters<typeof line>[1]]>([
    ['whose source waits before its first record', { sourceAt: 0 }],
    ['whose source waits in its midst', { sourceAt: 55 }],
    ['whose source waits before its last record', { sourceAt: COUNT - 1 }],
    ['of which a record waits for somebody who is busy', { map: busy }],
    ['whose sink cannot be opened', { open: away }],
    ['whose sink does not answer when it is opened', { open: never }],
    ['whose sink cannot commit', { commit: away }],
    ['whose sink does not answer a commit', { commit: never }],
  ])(
    '%s',
    async (_, waits) => {
      const obstacle = { isMet: false, isMended: false };
      const { definition, sink } = line(obstacle, waits);
      const logger = recordingLogger();
      const options = { connection: { servers: server?.url ?? '' }, logger };
      let run: string | undefined;
      // The second time, the fetcher has to read again what it had sent before the source waits.
      for (const time of waits.sourceAt === undefined ? [1] : [1, 2]) {
        const stop = new AbortController();
        obstacle.isMet = false;
        const goOn: Pick<LocalRunOptions, 'run'> = run === undefined ? {} : { run };
        await using local = await startLocalRun(definition, {
          ...options,
          ...goOn,
          signal: stop.signal,
        });
        ({ run } = local);
        await until(`it waits for the ${time}. time`, () => obstacle.isMet, DEADLINE_MS);
        stop.abort();
        expect(await local.ended).toEqual({});
      }
      // A stop is no fault: what it leaves is a sentence, without a stack.
      expect(logger.lines.filter(({ fields }) => 'err' in fields)).toEqual([]);
      obstacle.isMended = true;
      await using local = await startLocalRun(definition, { ...options, run: run ?? '' });
      const { report } = await local.ended;
      expect(report).toMatchObject({ state: 'completed', records: { in: COUNT, saved: COUNT } });
      expect(sink.numbers).toEqual(Array.from({ length: COUNT }, (__, n) => n));
    },
    2 * DEADLINE_MS,
  );

  test.concurrent(
    'whose server is away',
    async () => {
      const own = await startNatsServer();
      try {
        const obstacle = { isMet: false, isMended: false };
        const { definition } = line(obstacle, { sourceAt: 55 });
        const stop = new AbortController();
        const connection = { servers: own.url };
        const options = { connection, logger: recordingLogger(), signal: stop.signal };
        await using local = await startLocalRun(definition, options);
        await until('it is under way', () => obstacle.isMet, DEADLINE_MS);
        await own.stop();
        stop.abort();
        expect(await local.ended).toEqual({});
      } finally {
        await own.stop();
      }
    },
    2 * DEADLINE_MS,
  );
});
