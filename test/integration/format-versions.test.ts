import {
  deadSubject,
  FIRST_CHECKPOINT,
  type Format,
  FORMATS,
  writtenVersion,
  NO_COUNTS,
  receiptsConsumer,
  receiptsSubject,
  type RunProgress,
  type RunRequest,
  stageSubject,
  type Trouble,
} from '@leat/core';
import {
  bury,
  DeadLetterStore,
  type OnUnreadable,
  type ReceiptDelivery,
  receiveReceipts,
  ReceiptSender,
  type StoredDeadLetter,
} from '@leat/runtime';
import { headers } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import {
  bodyOf,
  NEVER,
  openPipeline,
  type OpenPipeline,
  sharedServer,
  sendChunks,
  startReceiver,
} from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const server = sharedServer(undefined);

/** What the stages say of a run, when so many of them have. */
async function troublesOf(
  { connection: { runs } }: OpenPipeline,
  run: string,
  count: number,
): Promise<readonly Trouble[]> {
  let troubles: readonly Trouble[] = [];
  await until('they say so', async () => {
    troubles = await runs.notes.troubles(run);
    return troubles.length === count;
  });
  return troubles;
}

describe('on its queue', () => {
  const GOOD = {
    'Leat-Chunk': '7',
    'Leat-Counts': '1/0/0/0/0',
    'Leat-Position': 'record 7 of numbers',
  };

  test.each([`${FORMATS.chunk + 1}`, '1.5', 'next'])(
    'a chunk of version %s is given back, again and again, and said to be newer',
    async (version) => {
      const open = await openPipeline(server());
      const { connection, logger } = open;
      const header = headers();
      for (const [name, value] of Object.entries(GOOD)) header.set(name, value);
      header.set('Leat-Format', version);
      const subject = stageSubject(connection.spec.name, 'work', 'run-1');
      await connection.client.publish(subject, bodyOf(), { headers: header });
      // With one slot: what is given back leaves it free.
      const { deliveries } = startReceiver(open, ({ ack }) => ack(), 1);
      const { stream, consumer } = connection.topology.queues[0]!;
      await until('it has come twice', async () => {
        const info = await connection.manager.consumers.info(stream.name, consumer.durable_name);
        return info.num_redelivered > 0;
      });
      // Meanwhile the others go on.
      await sendChunks(connection, 5);
      await until('the others are done', () => deliveries.length === 5);
      expect((await connection.manager.streams.info(stream.name)).state.messages).toBe(1);
      const sentence = /^A chunk of the run run-1 has version .* a newer Leat wrote it\./;
      expect(logger.at('error')).toEqual([expect.stringMatching(sentence)]);
      expect(await troublesOf(open, 'run-1', 1)).toMatchObject([
        { stage: 'work', reason: expect.stringMatching(sentence) as string },
      ]);
    },
  );

  test.each([undefined, '', '0', `${FORMATS.chunk}`])(
    'a chunk of version %j is read',
    async (version) => {
      const open = await openPipeline(server());
      const { connection } = open;
      const header = headers();
      for (const [name, value] of Object.entries(GOOD)) header.set(name, value);
      header.set('Leat-Of-A-Later-Version', 'whatever');
      if (version !== undefined) header.set('Leat-Format', version);
      const subject = stageSubject(connection.spec.name, 'work', 'run-1');
      await connection.client.publish(subject, bodyOf(), { headers: header });
      const { seqs } = startReceiver(open, ({ ack }) => ack());
      await until('it has come', () => seqs().length === 1);
      expect(seqs()).toEqual([7]);
    },
  );
});

test('receipts of a newer version stay unread, and those of this one are read meanwhile', async () => {
  const open = await openPipeline(server());
  const { connection, logger } = open;
  const subject = receiptsSubject(connection.spec.name, 'run-1');
  const header = headers();
  header.set('Leat-Format', `${FORMATS.receipts + 1}`);
  await connection.client.publish(subject, Buffer.from('8 somehow else'), { headers: header });
  const taken: ReceiptDelivery[] = [];
  const stop = new AbortController();
  const stream = await receiveReceipts({
    connection,
    run: 'run-1',
    born: undefined,
    handle: (delivery) => {
      taken.push(delivery);
      delivery.ack();
    },
    signal: stop.signal,
    logger,
  });
  const { name } = connection.topology.receipts;
  const consumer = async () => connection.manager.consumers.info(name, receiptsConsumer('run-1'));
  await until('it has come twice', async () => (await consumer()).num_redelivered > 0);
  const receipt = { chunk: '0', counts: NO_COUNTS, digest: '', fence: 1, buried: [] };
  const further = ['cut=7', 'of-a-later-version='];
  await new ReceiptSender(connection, NEVER).send({ run: 'run-1' }, { ...receipt, further });
  await until('the other one is taken', () => taken.length === 1);
  // A field that is not known is no reason to refuse a receipt of a known version.
  expect(taken[0]?.receipts).toEqual([{ ...receipt, further }]);
  // What is held counts as read: then its chunk could be taken for lost.
  expect(stream.held()).toBe(0);
  await until('that one is acknowledged', async () => (await consumer()).num_ack_pending === 1);
  expect((await connection.manager.streams.info(name)).state.messages).toBe(1);
  expect(await troublesOf(open, 'run-1', 1)).toMatchObject([
    { stage: 'numbers', reason: expect.stringContaining('A message of receipts') as string },
  ]);
  stop.abort();
  await stream.done;
});

test('a dead letter of a newer version is passed over by name, and kept', async () => {
  const { connection } = await openPipeline(server());
  const { name } = connection.spec;
  const mine = {
    stage: 'work',
    chunk: { run: 'run-1', chunk: { seq: 7, path: '' }, sending: '' },
  };
  const record = {
    index: 0,
    position: 'record 7 of numbers',
    attempts: 1,
    error: { name: 'Error', message: 'no' },
    record: '{}',
  };
  await bury(connection, mine, [record], NEVER);
  const store = await DeadLetterStore.open(connection.nats, name, undefined);
  const read = async (onUnreadable?: OnUnreadable): Promise<StoredDeadLetter[]> => {
    const letters: StoredDeadLetter[] = [];
    for await (const each of store.letters('run-1', onUnreadable)) letters.push(each);
    return letters;
  };
  const [first] = await read();
  expect(first?.letter).toMatchObject({ chunk: '7', record: '{}' });
  expect(first?.letter).not.toHaveProperty('v');
  const newer = JSON.stringify({ ...first?.letter, v: FORMATS.letter + 1 });
  await connection.client.publish(deadSubject(name, 'run-1'), newer);
  const leftOut: (string | undefined)[] = [];
  const found = await read((_stream, _place, error) => void leftOut.push(error?.message));
  expect(found).toEqual([first]);
  expect(leftOut).toEqual([
    expect.stringMatching(/^A dead letter of the run run-1 has version .* a newer Leat wrote it\./),
  ]);
  expect(await store.at((first?.place ?? 0) + 1)).toBeUndefined();
});

describe('in the bucket of the pipeline', () => {
  /** The bucket's entries as text, by their keys. */
  const rawOf = ({ connection: { client, manager, topology } }: OpenPipeline) => ({
    put: (key: string, text: string) => client.publish(`$KV.${topology.bucket}.${key}`, text),
    get: async (key: string): Promise<string> => {
      const last_by_subj = `$KV.${topology.bucket}.${key}`;
      const found = await manager.streams.getMessage(`KV_${topology.bucket}`, { last_by_subj });
      return found?.string() ?? '';
    },
  });
  const newer = (format: Format): string => JSON.stringify({ v: FORMATS[format] + 1, so: 'else' });
  const request: RunRequest = {
    run: 'run-1',
    pipeline: 'p',
    params: {},
    spec: { name: 'p', stages: [] },
    createdAt: '2026-01-01T00:00:00.000Z',
  };
  const progress = {
    state: 'running',
    fence: 1,
    startedAt: request.createdAt,
    updatedAt: request.createdAt,
    ledger: FIRST_CHECKPOINT,
  } as const satisfies RunProgress;
  const refusal = {
    code: 'newer-version',
    message: expect.stringContaining('a newer Leat wrote it') as string,
  };

  test('what is written has a version, and is read without it', async () => {
    const open = await openPipeline(server());
    const { runs } = open.connection;
    const kv = rawOf(open);
    await runs.create(request);
    await runs.save('run-1', progress, 0);
    await runs.redrives.set('run-1', { upTo: 7 });
    await runs.notes.claimSink('run-1', 'out', { mark: 'm', place: 'here' });
    await runs.wishes.set('run-1', 'pause');
    const found = async (key: string): Promise<unknown> => JSON.parse(await kv.get(key));
    expect(await found('run.run-1')).toEqual({ ...request, v: writtenVersion('request', request) });
    expect(await found('progress.run-1')).toEqual({ ...progress, v: FORMATS.progress });
    expect(await found('redrive.run-1')).toEqual({ upTo: 7, v: FORMATS.redrive });
    expect(await found('sink.run-1.out')).toEqual({ mark: 'm', place: 'here', v: FORMATS.note });
    // Versions before this one know nothing but the plain text.
    expect(await found('wish.run-1')).toBe('pause');
    expect(await runs.get('run-1')).toEqual(request);
    expect((await runs.progress('run-1'))?.progress).toEqual(progress);
    expect((await runs.redrives.get('run-1'))?.wish).toEqual({ upTo: 7 });
    expect(await runs.notes.sinks('run-1')).toEqual({ out: { mark: 'm', place: 'here' } });
  });

  test('what has no version is read, and what is not known of it is kept', async () => {
    const open = await openPipeline(server());
    const { runs } = open.connection;
    const kv = rawOf(open);
    await kv.put('run.run-1', JSON.stringify({ ...request, later: true }));
    const found = (await runs.get('run-1')) as RunRequest;
    await runs.replace({ ...found, isRecovered: true });
    expect(JSON.parse(await kv.get('run.run-1'))).toEqual({
      ...request,
      later: true,
      isRecovered: true,
      v: 1,
    });
  });

  test('what is newer is never written over, and said once', async () => {
    const open = await openPipeline(server());
    const { connection, logger } = open;
    const { runs } = connection;
    const kv = rawOf(open);
    const entries: Readonly<Record<string, string>> = {
      'run.run-1': newer('request'),
      'progress.run-1': newer('progress'),
      'wish.run-1': newer('wish'),
      'redrive.run-1': newer('redrive'),
      'sink.run-1.out': newer('note'),
    };
    for (const [key, text] of Object.entries(entries)) await kv.put(key, text);
    const refused: (() => Promise<unknown>)[] = [
      () => runs.get('run-1'),
      () => runs.create(request),
      () => runs.restore(request),
      () => runs.replace(request),
      () => runs.progress('run-1'),
      () => runs.save('run-1', progress, 0),
      () => runs.wishes.get('run-1'),
      () => runs.wishes.set('run-1', 'cancel'),
      () => runs.wishes.change('run-1', 'run', 'pause'),
      () => runs.redrives.set('run-1', { upTo: 7 }),
      () => runs.notes.claimSink('run-1', 'out', { mark: 'm', place: 'here' }),
    ];
    for (const attempt of refused) await expect(attempt()).rejects.toMatchObject(refusal);
    expect(await runs.redrives.get('run-1')).toBeUndefined();
    expect(await runs.notes.sinks('run-1')).toEqual({});
    for (const [key, text] of Object.entries(entries)) {
      expect(await kv.get(key)).toBe(text);
    }
    expect(logger.at('error')).toHaveLength(Object.keys(entries).length);
  });

  test.each(['run', 'progress', 'wish'])(
    'a run whose %s is newer is left out and named, and the others are listed',
    async (kind) => {
      const open = await openPipeline(server());
      const { runs } = open.connection;
      await runs.create(request);
      await runs.create({ ...request, run: 'run-2' });
      await rawOf(open).put(`${kind}.run-1`, newer('request'));
      const named: string[] = [];
      const found = await runs.listOpen((run, { code }) => void named.push(`${run} ${code}`));
      expect(found.map(({ run }) => run)).toEqual(['run-2']);
      expect(named).toEqual(['run-1 newer-version']);
      const all = (await runs.list()).map(({ run }) => run);
      expect(all).toEqual(kind === 'run' ? ['run-2'] : ['run-1', 'run-2']);
    },
  );

  test('services leave such a run to others, say so, and go on with the next one', async () => {
    const line = memoryPipeline(50, { map: (record) => record }, 10);
    const open = await openPipeline(server(), line.pipeline.spec);
    const { connection } = open;
    const kv = rawOf(open);
    await createRun(open, line, 'ahead');
    await kv.put('progress.ahead', newer('progress'));
    await sendChunks(connection, 1, 0, 'work', 'ahead');
    await createRun(open, line, 'mine');
    startStages(open, line);
    const { reports } = startFetcher(open, line);
    await until('the other run has ended', () => reports.length === 1);
    expect(reports[0]).toMatchObject({ run: 'mine', state: 'completed' });
    const troubles = await troublesOf(open, 'ahead', 2);
    expect(troubles.map(({ stage }) => stage).toSorted()).toEqual(['numbers', 'work']);
    for (const { reason } of troubles) expect(reason).toContain('The entry progress.ahead of');
    const { stream } = connection.topology.queues[0]!;
    expect((await connection.manager.streams.info(stream.name)).state.messages).toBe(1);
    expect(await kv.get('progress.ahead')).toBe(newer('progress'));
  });
});
