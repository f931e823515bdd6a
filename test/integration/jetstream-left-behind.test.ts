import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  openPipeline,
  sendChunks,
  SERVERS,
  startReceiver,
  startServer,
} from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const EARLIER = 20;
const COUNT = 25;

describe.each(SERVERS)('on $server', ({ version }) => {
  test('chunks that lie on a queue, and that its consumer has never heard of, are sent again', async () => {
    const server = await startServer(version);
    const line = memoryPipeline(COUNT, { map: (record) => record }, 1);
    const open = await openPipeline(server, line.pipeline.spec);
    const { manager, topology } = open.connection;
    const { stream, consumer } = topology.queues[0]!;
    const stored = async (): Promise<number> =>
      (await manager.streams.info(stream.name)).state.messages;
    const restart = async (): Promise<void> => {
      await server.restart();
      const isThere = (): Promise<boolean> =>
        stored().then(
          () => true,
          () => false,
        );
      await until('it is connected again', isThere);
    };
    await sendChunks(open.connection, EARLIER);
    const earlier = startReceiver(open, ({ ack }) => ack());
    await until('all are done', async () => (await stored()) === 0);
    await earlier.stop();

    // A server that is killed while a queue is empty can forget how many messages there were, and number new
    // ones from 1 on, which a consumer that remembers them takes for done. Here it is made to happen.
    const folder = join(server.storeDir, 'jetstream', '$G', 'streams', stream.name);
    const memory = join(folder, 'obs', consumer.durable_name, 'o.dat');
    await server.kill('SIGTERM');
    const remembered = await readFile(memory);
    await rm(join(folder, 'msgs'), { recursive: true });
    await restart();
    await createRun(open, line);
    const { reports } = startFetcher(open, line);
    await until('all are sent', async () => (await stored().catch(() => 0)) === COUNT);
    await server.kill('SIGTERM');
    await writeFile(memory, remembered);
    await restart();
    const { num_pending, num_ack_pending } = await manager.consumers.info(
      stream.name,
      consumer.durable_name,
    );
    expect({ num_pending, num_ack_pending }).toEqual({
      num_pending: COUNT - EARLIER,
      num_ack_pending: 0,
    });

    startStages(open, line);
    await until('the run has ended', () => reports.length === 1);
    expect(reports[0]).toMatchObject({ state: 'completed', records: { in: COUNT, saved: COUNT } });
    expect(line.sink.numbers).toEqual(Array.from({ length: COUNT }, (_, n) => n));
    expect(await stored()).toBe(0);
  });
});
