import { stageSubject } from '@leat/core';
import { headers } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import { bodyOf, openPipeline, SERVERS, sharedServer } from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  progressOf,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

type Fields = Readonly<Record<string, string>>;

/** What Leat would have written for a chunk 0 of one record. */
const GOOD: Fields = {
  'Leat-Chunk': '0',
  'Leat-Counts': '1/0/0/0/0',
  'Leat-Position': 'record 0 of numbers',
};

const FORGED: readonly (readonly [string, Fields | undefined, Uint8Array])[] = [
  ['no headers', undefined, bodyOf()],
  ['nothing at all', undefined, new Uint8Array()],
  ['other headers', { 'Leat-Chunk': 'x' }, bodyOf()],
  ['no position', { ...GOOD, 'Leat-Position': '' }, bodyOf()],
  ['a damaged position', { ...GOOD, 'Leat-Position': '%E0%A4%A' }, bodyOf()],
  ['huge counts', { ...GOOD, 'Leat-Counts': '999999999999999/0/0/0/0' }, bodyOf()],
  [
    'huge origins',
    { ...GOOD, 'Leat-Counts': '999999999/0/0/0/0', 'Leat-Origins': '0*999999999' },
    bodyOf(),
  ],
  ['wrong origins', { ...GOOD, 'Leat-Origins': '1,2,3' }, bodyOf()],
  ['fewer lines than the books say', { ...GOOD, 'Leat-Counts': '5/0/0/0/0' }, bodyOf(3)],
  ['more lines than the books say', { ...GOOD, 'Leat-Counts': '1/0/0/0/0' }, bodyOf(3)],
  ['a body that is not text', GOOD, Uint8Array.from([255, 254, 0, 1])],
];

describe.each(SERVERS)('messages of strangers on $server', ({ version }) => {
  const server = sharedServer(version);

  test.each(['work', 'out'])(
    'in front of %s are dropped by name, and the run completes',
    async (stage) => {
      const line = memoryPipeline(500, { map: (record) => record });
      const open = await openPipeline(server(), line.pipeline.spec);
      const { connection, logger } = open;
      for (const run of ['run-1', 'nobodys-run']) {
        for (const [, fields, body] of FORGED) {
          const header = headers();
          for (const [name, value] of Object.entries(fields ?? {})) header.set(name, value);
          const subject = stageSubject(line.pipeline.name, stage, run);
          await connection.client.publish(subject, body, fields && { headers: header });
        }
      }
      await createRun(open, line);
      startStages(open, line);
      const { reports } = startFetcher(open, line);
      await until('the run has ended', () => reports.length === 1);
      expect(reports[0]).toMatchObject({ state: 'completed', records: { in: 500, saved: 500 } });
      expect(line.sink.numbers).toEqual(Array.from({ length: 500 }, (_, n) => n));
      const { stream } = connection.topology.queues.find((each) => each.stage === stage)!;
      await until(
        'nothing is left',
        async () => (await connection.manager.streams.info(stream.name)).state.messages === 0,
      );
      expect(logger.at('error').filter((line_) => line_ === 'message not understood')).toHaveLength(
        2 * FORGED.length,
      );
    },
  );

  test('a line that is not UTF-8 is a dead letter, its neighbours are saved', async () => {
    const line = memoryPipeline(10, { map: (record) => record }, 10);
    const open = await openPipeline(server(), line.pipeline.spec);
    await createRun(open, line);
    const header = headers();
    const fields = { ...GOOD, 'Leat-Counts': '10/0/0/0/0', 'Nats-Msg-Id': 'run-1.0' };
    for (const [name, value] of Object.entries(fields)) header.set(name, value);
    const body = Buffer.concat([bodyOf(9), Uint8Array.from([0x22, 0xff, 0x22, 10])]);
    const subject = stageSubject(line.pipeline.name, 'work', 'run-1');
    await open.connection.client.publish(subject, body, { headers: header });
    startStages(open, line);
    const { reports } = startFetcher(open, line);
    await until('the run has ended', () => reports.length === 1);
    expect(reports[0]).toMatchObject({
      state: 'completed-with-dead-letters',
      records: { in: 10, saved: 9, dead: 1 },
    });
  });

  test('chunks of a run that nobody knows go back to the queue, and do not hold up the others', async () => {
    const line = memoryPipeline(50, { map: (record) => record }, 10);
    const open = await openPipeline(server(), line.pipeline.spec);
    const header = headers();
    for (const [name, value] of Object.entries(GOOD)) header.set(name, value);
    for (let n = 0; n < 100; n++) {
      const subject = stageSubject(line.pipeline.name, 'work', 'nobodys-run');
      await open.connection.client.publish(subject, bodyOf(), { headers: header });
    }
    await createRun(open, line);
    startStages(open, line);
    const { reports } = startFetcher(open, line);
    await until('the run has ended', () => reports.length === 1);
    expect((await progressOf(open))?.state).toBe('completed');
    expect(line.sink.numbers).toHaveLength(50);
  });
});
