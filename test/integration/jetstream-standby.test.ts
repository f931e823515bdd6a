import { describe, expect, test, vi } from 'vitest';
import { openPipeline, SERVERS, startServer } from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  progressOf,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const COUNT = 3_000;

describe.each(SERVERS)('fetchers on $server', ({ version }) => {
  test('one conducts, the other takes over from one that was cut off, each record is saved once', async () => {
    const server = await startServer(version);
    const line = memoryPipeline(
      COUNT,
      {
        map: async (record) => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          return record;
        },
      },
      5,
    );
    const { spec } = line.pipeline;
    const services = await openPipeline(server, spec);
    const active = await openPipeline(server, spec);
    const standby = await openPipeline(server, spec);
    await createRun(active, line);
    startStages(services, line);
    const first = startFetcher(active, line);
    await until('the first conducts', async () => (await progressOf(services)) !== undefined);
    const { fence } = (await progressOf(services))!;
    const second = startFetcher(standby, line);
    await until('something is saved', () => line.sink.chunks.size > 20);
    expect(standby.logger.at('info')).not.toContain('run resumed');
    expect((await progressOf(services))?.fence).toBe(fence);

    const cutAt = performance.now();
    await active.connection.nats.close();
    const isTakenOver = async (): Promise<boolean> =>
      ((await progressOf(services))?.fence ?? 0) > fence;
    await until('taken over', isTakenOver);
    // Ten seconds of silence, and what a busy machine adds to it.
    expect(performance.now() - cutAt).toBeLessThan(20_000);
    await until('the run has ended', () => second.reports.length === 1);
    expect(second.reports[0]).toMatchObject({
      state: 'completed',
      records: { in: COUNT, saved: COUNT, dead: 0 },
    });
    expect(line.sink.numbers).toEqual(Array.from({ length: COUNT }, (_, n) => n));
    expect(first.reports).toEqual([]);
    await expect(first.done).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('one that stands by tells again of a run whose bucket goes with its fetcher', async () => {
    const server = await startServer(version);
    const line = memoryPipeline(100, { map: (record) => record }, 5);
    const { spec } = line.pipeline;
    const observer = await openPipeline(server, spec);
    const active = await openPipeline(server, spec);
    const standby = await openPipeline(server, spec);
    await createRun(observer, line);
    startFetcher(active, line);
    await until('it is conducted', async () => (await progressOf(observer)) !== undefined);
    const looks = vi.spyOn(standby.connection.runs, 'listOpen');
    const second = startFetcher(standby, line);
    // Each look ends before the next one begins.
    await until('the other has seen it', () => looks.mock.calls.length > 2);
    const { streams } = observer.connection.manager;
    await active.connection.nats.close();
    await streams.delete(`KV_${observer.connection.topology.bucket}`);
    startStages(await openPipeline(server, spec), line);
    await until('the run has ended', () => second.reports.length === 1);
    expect(second.reports[0]).toMatchObject({
      state: 'completed',
      records: { in: 100, saved: 100, dead: 0 },
    });
    expect(standby.logger.at('warn')).toContain(
      'the broker has lost the run, and is told of it again',
    );
  });
});
