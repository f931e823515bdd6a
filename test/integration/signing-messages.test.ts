import {
  formatReceipt,
  NO_COUNTS,
  receiptsSubject,
  type RunReport,
  stageSubject,
} from '@leat/core';
import { Bodies } from '@leat/runtime';
import type { StoredMsg } from '@nats-io/jetstream';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import {
  bodyOf,
  envelopeOf,
  lineSpec,
  NEVER,
  openPipeline,
  type OpenPipeline,
  SERVERS,
  sendChunks,
  sharedServer,
  startReceiver,
} from '../support/jetstream.ts';
import {
  createRun,
  type MemoryPipeline,
  memoryPipeline,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { newSigningKeys } from '../support/signing-keys.ts';
import { until } from '../support/until.ts';

/** A copy with some headers changed; an empty value takes one away. */
function copyOf(found: MsgHdrs, changes: Readonly<Record<string, string>>): MsgHdrs {
  const copy = headers();
  for (const name of found.keys()) copy.set(name, found.get(name));
  for (const [name, value] of Object.entries(changes)) {
    if (value === '') copy.delete(name);
    else copy.set(name, value);
  }
  return copy;
}

async function countOf({ connection }: OpenPipeline, stage = 'work'): Promise<number> {
  return (await connection.manager.streams.info(queueOf(connection, stage))).state.messages;
}

function queueOf({ topology }: OpenPipeline['connection'], stage = 'work'): string {
  return topology.queues.find((each) => each.stage === stage)!.stream.name;
}

/** Takes everything off the mapper's queue, which then knows none of it. */
async function takeAll({ connection }: OpenPipeline): Promise<StoredMsg[]> {
  const { manager } = connection;
  const name = queueOf(connection);
  const { state } = await manager.streams.info(name);
  const messages: StoredMsg[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    messages.push((await manager.streams.getMessage(name, { seq }))!);
  }
  await manager.streams.delete(name);
  await connection.repair();
  return messages;
}

/** Hands over what is on the queues, until they are empty. */
async function receiveAll(open: OpenPipeline): Promise<{ work: number[]; out: number[] }> {
  const work = startReceiver(open, ({ ack }) => ack());
  const out = startReceiver(open, ({ ack }) => ack(), 64, 'out');
  await until(
    'the queues are empty',
    async () => (await countOf(open)) + (await countOf(open, 'out')) === 0,
  );
  return { work: work.seqs().toSorted((a, b) => a - b), out: out.seqs() };
}

describe.each(SERVERS)('signed messages on $server', ({ version }) => {
  const server = sharedServer(version, { config: 'max_payload: 64KB' });

  test('are read as they are, and dropped when anything of them is another', async () => {
    const { a } = await newSigningKeys('a');
    const open = await openPipeline(server(), lineSpec(), {}, {}, [a]);
    const { spec, client, signing } = open.connection;
    await sendChunks(open.connection, 8);
    const good = await takeAll(open);
    const subject = stageSubject(spec.name, 'work', 'run-1');
    const change = (at: number, changes: Readonly<Record<string, string>>) =>
      [subject, copyOf(good[at]!.header, changes), good[at]!.data] as const;
    const forged: readonly (readonly [string, MsgHdrs, Uint8Array])[] = [
      change(0, { 'Leat-Signature': '' }),
      change(1, { 'Nats-Msg-Id': 'another' }),
      [subject, copyOf(good[2]!.header, { 'Leat-Counts': '2/0/0/0/0' }), bodyOf(2)],
      change(3, { 'Leat-Later': 'a header that this version does not know' }),
      [subject, good[4]!.header, Buffer.from('{"n":6}\n')],
      [stageSubject(spec.name, 'work', 'run-2'), good[5]!.header, good[5]!.data],
      [stageSubject(spec.name, 'out', 'run-1'), good[6]!.header, good[6]!.data],
    ];
    for (const [to, header, data] of forged) await client.publish(to, data, { headers: header });
    await client.publish(subject, good[7]!.data, {
      headers: copyOf(good[7]!.header, { traceparent: '00-1-2-01' }),
    });
    expect(await receiveAll(open)).toEqual({ work: [7], out: [] });
    expect(signing?.refused).toBe(forged.length);
    const errors = open.logger.at('error');
    expect(errors[0]).toMatch(/^test refuses messages: one (?:is not signed|was altered)/);
    // Not one line for each.
    expect(errors.length).toBeLessThan(forged.length);
  });

  test('have their large bodies signed, too', async () => {
    const { a } = await newSigningKeys('a');
    const open = await openPipeline(server(), lineSpec(), {}, {}, [a]);
    const { client, manager, queues, signing, topology } = open.connection;
    const large = 8_000;
    for (const seq of [0, 1])
      await queues.send('work', envelopeOf(seq, large), bodyOf(large), NEVER);
    const bodies = new Bodies(
      { client, manager, bucket: topology.bucket, replicas: 1 },
      open.logger,
    );
    const altered = Buffer.from(bodyOf(large)).fill('5', 5, 6);
    await bodies.put('run-1/work/run-1.1', altered, NEVER);
    expect(await receiveAll(open)).toEqual({ work: [0], out: [] });
    expect(signing?.refused).toBe(1);
  });

  test('that one process cannot check are left to the others', async () => {
    const { a, b } = await newSigningKeys('a', 'b');
    const spec = lineSpec();
    const [writer, stranger, reader] = [
      await openPipeline(server(), spec, {}, {}, [b]),
      await openPipeline(server(), spec, {}, {}, [a]),
      await openPipeline(server(), spec, {}, {}, [a, b]),
    ];
    await sendChunks(writer.connection, 3);
    const vain = startReceiver(stranger, ({ ack }) => ack());
    await until('it has seen all', () => stranger.connection.signing!.refused >= 3);
    const right = startReceiver(reader, ({ ack }) => ack());
    await until('all are there', async () => (await countOf(reader)) === 0);
    expect(right.seqs().toSorted((x, y) => x - y)).toEqual([0, 1, 2]);
    expect(vain.deliveries).toEqual([]);
    expect(stranger.logger.at('error')[0]).toMatch(/signed with the key b, and known are: a\./);
    expect(await stranger.connection.runs.notes.troubles('run-1')).toMatchObject([
      { stage: 'work', reason: expect.stringMatching(/^test refuses messages: .*the key b/) },
    ]);
  });
});

/**
 * Sends all chunks of a run, then loses one and forges its receipt, which a broker's user can do who may write; works
 * on the rest, and repeats every message that it hears.
 */
async function attack(open: OpenPipeline, line: MemoryPipeline): Promise<RunReport> {
  const { connection } = open;
  const { spec, nats, client, manager } = connection;
  const repeated = new Set<string>();
  nats.subscribe(`leat.v1.${spec.name}.*.run-1`, {
    callback: (_, { subject, headers: found, data }) => {
      const key = `${subject} ${found?.get('Nats-Msg-Id')} ${Buffer.from(data).toString()}`;
      if (repeated.has(key)) return;
      repeated.add(key);
      nats.publish(subject, data, found && { headers: found });
    },
  });
  await createRun(open, line);
  const { reports } = startFetcher(open, line);
  await until('all chunks are sent', async () => (await countOf(open)) === 10);
  await manager.streams.deleteMessage(queueOf(connection), 4);
  await client.publish(
    receiptsSubject(spec.name, 'run-1'),
    formatReceipt({
      chunk: '3',
      counts: { ...NO_COUNTS, in: 100 },
      digest: '0'.repeat(32),
      fence: 0,
      buried: [],
    }),
  );
  startStages(open, line);
  await until('the run has ended', () => reports.length === 1);
  return reports[0]!;
}

describe('somebody who may write to NATS', () => {
  const server = sharedServer(undefined);
  const ALL = Array.from({ length: 1_000 }, (_, n) => n);

  test('loses a chunk by a receipt that nobody signed, where no keys are given', async () => {
    const line = memoryPipeline(1_000, { map: (record) => record });
    const open = await openPipeline(server(), line.pipeline.spec);
    expect(await attack(open, line)).toMatchObject({ records: { in: 1_000, saved: 1_000 } });
    expect(line.sink.numbers).toEqual(ALL.filter((n) => n < 300 || n >= 400));
  });

  test('loses and doubles nothing where messages are signed', async () => {
    const { a } = await newSigningKeys('a');
    const line = memoryPipeline(1_000, { map: (record) => record });
    const open = await openPipeline(server(), line.pipeline.spec, {}, {}, [a]);
    expect(await attack(open, line)).toMatchObject({
      state: 'completed',
      records: { in: 1_000, saved: 1_000 },
    });
    expect(line.sink.numbers).toEqual(ALL);
    expect(open.connection.signing?.refused).toBeGreaterThan(0);
  });
});
