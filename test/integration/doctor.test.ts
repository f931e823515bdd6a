import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import {
  deadSubject,
  FIRST_CHECKPOINT,
  type Finding,
  stageSubject,
  type Topology,
} from '@leat/core';
import type { NatsServer } from '@leat/nats-server';
import type { PipelineConnection } from '@leat/sdk/internal';
import type { ConsumerConfig, JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  lineSpec,
  openPipeline,
  sendChunks,
  SERVERS,
  startReceiver,
  startServer,
} from '../support/jetstream.ts';
import { fixture, leat } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

type NamedStream = Partial<StreamConfig> & { name: string };

interface Diagnosis {
  readonly code: number | null;
  readonly findings: readonly (Finding & { readonly isMendable: boolean })[];
  readonly mended: readonly (Finding & { readonly refusal?: string })[];
  readonly stderr: string;
  /** Codes and subjects, without the note that monitoring was not given. */
  readonly found: readonly string[];
}

/** Runs the command as its users do. */
async function doctor(
  url: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Diagnosis> {
  await using dir = await tempDir();
  const { code, stdout, stderr } = await leat(['doctor', '--json', '--nats', url, ...args], {
    cwd: dir.path,
    env,
  });
  const { findings = [], mended = [] } = stdout === '' ? {} : (JSON.parse(stdout) as Diagnosis);
  const found = findings
    .filter((finding) => finding.code !== 'sync-interval-unseen')
    .map((finding) => `${finding.code} ${finding.subject}`);
  return { code, findings, mended, stderr, found };
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Makes the stream in front of the mapper again, with other settings. */
async function remakeWork(
  { manager, topology }: PipelineConnection,
  change: Partial<StreamConfig>,
): Promise<void> {
  const { stream, consumer } = topology.queues[0]!;
  await manager.streams.delete(stream.name);
  await manager.streams.add({ ...(stream as unknown as NamedStream), ...change });
  await manager.consumers.add(stream.name, consumer as Partial<ConsumerConfig>);
}

const work = ({ queues }: Topology): string => queues[0]!.stream.name;

/** The consumer in front of the mapper, made again with other settings. */
async function remakeConsumer(
  { manager, topology }: PipelineConnection,
  change: Partial<ConsumerConfig>,
): Promise<void> {
  const { stream, consumer } = topology.queues[0]!;
  await manager.consumers.delete(stream.name, consumer.durable_name);
  await manager.consumers.add(stream.name, {
    ...(consumer as Partial<ConsumerConfig>),
    ...change,
  });
}

async function completeRun({ runs, spec }: PipelineConnection, run: string): Promise<void> {
  const past = '2026-01-01T00:00:00.000Z';
  await runs.create({ run, pipeline: spec.name, params: {}, spec, createdAt: past });
  await runs.save(
    run,
    {
      state: 'completed',
      fence: 1,
      startedAt: past,
      updatedAt: past,
      endedAt: past,
      ledger: FIRST_CHECKPOINT,
    },
    0,
  );
}

describe.each(SERVERS)('leat doctor on $server', ({ version }) => {
  const open = async (
    topology = {},
    config?: string,
  ): Promise<{ readonly server: NatsServer; readonly connection: PipelineConnection }> => {
    const server = await startServer(version, config === undefined ? {} : { config });
    const { connection } = await openPipeline(server, lineSpec('cities'), topology);
    return { server, connection };
  };

  test('has only a note for what Leat itself has made', async () => {
    const { server } = await open();
    const { code, findings } = await doctor(server.url);
    expect({ code, codes: findings.map((finding) => finding.code) }).toEqual({
      code: 0,
      codes: ['sync-interval-unseen'],
    });
  });

  describe('finds a stream with', () => {
    test.each<[string, string, (open: PipelineConnection) => Promise<unknown>, string[]]>([
      ['memory', 'memory-storage', (c) => remakeWork(c, { storage: 'memory' }), ['--production']],
      [
        'a retention that keeps what is done',
        'wrong-retention',
        (c) => remakeWork(c, { retention: 'limits' }),
        [],
      ],
      [
        'a subject too many',
        'wrong-subjects',
        ({ manager, topology }) =>
          manager.streams.update(work(topology), {
            subjects: [stageSubject('cities', 'work', '*'), 'elsewhere'],
          }),
        [],
      ],
      ['discard old', 'discard-old', (c) => remakeWork(c, { discard: 'old' }), []],
      ['an age', 'messages-expire', (c) => remakeWork(c, { max_age: 3_600e9 }), []],
      [
        'a limit for each run',
        'messages-expire',
        (c) => remakeWork(c, { max_msgs_per_subject: 5 }),
        [],
      ],
      ['no limits', 'unbounded', (c) => remakeWork(c, { max_bytes: -1, max_msgs: -1 }), []],
      [
        'a short window',
        'duplicate-window-short',
        (c) => remakeWork(c, { duplicate_window: 1e9 }),
        [],
      ],
      [
        'no consumer',
        'consumer-missing',
        ({ manager, topology }) => manager.consumers.delete(work(topology), 'work'),
        [],
      ],
    ])('%s: %s', async (_, code, change, flags) => {
      const { server, connection } = await open();
      await change(connection);
      const { code: exit, findings, found } = await doctor(server.url, flags);
      const finding = findings.find((each) => each.code === code);
      expect(found).toContain(`${code} stream ${work(connection.topology)}`);
      expect(exit).toBe(finding?.severity === 'note' ? 0 : 1);
    });
  });

  describe('finds a consumer with', () => {
    test.each<[string, string, Partial<ConsumerConfig>]>([
      ['a limit of deliveries', 'max-deliver', { max_deliver: 3 }],
      ['few chunks in hand', 'ack-pending-low', { max_ack_pending: 10 }],
      ['a long window', 'ack-wait-long', { ack_wait: 300e9 }],
      ['a short window', 'ack-wait-short', { ack_wait: 500e6 }],
      ['another filter', 'consumer-drifted', { filter_subject: 'leat.v1.cities.work.only' }],
      ['a backoff', 'consumer-drifted', { backoff: [5e9, 9e9], max_deliver: 5 }],
    ])('%s: %s', async (_, code, change) => {
      const { server, connection } = await open();
      await remakeConsumer(connection, change);
      const { code: exit, found } = await doctor(server.url);
      expect(found).toContain(`${code} consumer work of leat_cities_work`);
      expect(exit).toBe(1);
    });
  });

  test.skipIf(version !== undefined)('finds a consumer that is paused', async () => {
    const { server, connection } = await open();
    const { manager, topology } = connection;
    await manager.consumers.pause(work(topology), 'work', new Date(Date.now() + 3_600_000));
    const { found } = await doctor(server.url);
    expect(found).toEqual(['consumer-paused consumer work of leat_cities_work']);
  });

  test('finds a queue that stands still, and one that is nearly full', async () => {
    const { server, connection } = await open({ maxMessages: 10 });
    await sendChunks(connection, 10);
    const { code, found } = await doctor(server.url);
    // Nobody has written down that there is such a run, either.
    expect(found).toEqual([
      'queue-stands-still consumer work of leat_cities_work',
      'leftovers stream leat_cities_work',
      'queue-nearly-full stream leat_cities_work',
    ]);
    expect(code).toBe(1);
  });

  test('leaves a queue alone that somebody works on', async () => {
    const server = await startServer(version);
    const opened = await openPipeline(server, lineSpec('cities'));
    const { connection } = opened;
    const { runs, spec } = connection;
    const createdAt = new Date().toISOString();
    await runs.create({ run: 'run-1', pipeline: 'cities', params: {}, spec, createdAt });
    const receiver = startReceiver(opened, () => undefined, 3);
    await sendChunks(connection, 10);
    await until('chunks are held', () => receiver.deliveries.length === 3);
    const { code, found } = await doctor(server.url);
    expect({ code, found }).toEqual({ code: 0, found: [] });
  });

  test('finds chunks that are held by nobody who lives', async () => {
    const { server, connection } = await open({ ackWaitMs: 5_000 });
    const { client, runs, spec } = connection;
    const createdAt = new Date().toISOString();
    await runs.create({ run: 'run-1', pipeline: 'cities', params: {}, spec, createdAt });
    await sendChunks(connection, 10);
    const consumer = await client.consumers.get('leat_cities_work', 'work');
    for await (const _ of await consumer.fetch({ max_messages: 3, expires: 1_000 })) continue;
    const { findings } = await doctor(server.url);
    expect(findings[0]).toMatchObject({
      code: 'queue-stands-still',
      found: '3 messages are held without a sign of life, 7 wait, and no replica pulls',
    });
  });

  test('finds what a run has left', async () => {
    const { server, connection } = await open();
    await completeRun(connection, 'run-1');
    await connection.nats.request(stageSubject('cities', 'receipts', 'run-1'), 'x');
    const { code, findings, found } = await doctor(server.url);
    expect({ code, found }).toEqual({
      code: 1,
      found: ['leftovers stream leat_cities_receipts'],
    });
    expect(findings[0]?.found).toBe(
      '1 messages on leat.v1.cities.receipts.run-1, of a run that is completed',
    );
  });

  test('finds dead letters that are nearly full', async () => {
    const { server, connection } = await open({ maxBytes: 2_000 });
    await connection.nats.request(deadSubject('cities', 'r'), Buffer.alloc(1_700));
    const { found } = await doctor(server.url);
    expect(found).toEqual(['dead-letters-nearly-full stream leat_cities_dead']);
  });

  test('holds a server against a pipeline file', async () => {
    const server = await startServer(version);
    const { connection } = await openPipeline(server, lineSpec('other'));
    await connection.manager.streams.delete(work(connection.topology));
    const { found, code } = await doctor(server.url, [fixture('squares.ts')]);
    const missing = ['squares', 'files', 'receipts', 'dead'].map(
      (stage) => `stream-missing stream leat_squares_${stage}`,
    );
    expect({ code, found }).toEqual({
      code: 0,
      found: [...missing, 'stream-missing stream KV_leat_squares'],
    });
    await connection.manager.streams.add({ name: 'leat_squares_old', subjects: ['old'] });
    const { found: later } = await doctor(server.url, [fixture('squares.ts')]);
    expect(later[0]).toBe('stream-unknown stream leat_squares_old');
  });

  test('finds a server that stands alone in production', async () => {
    const { server } = await open();
    const { found } = await doctor(server.url, ['--production']);
    expect(found[0]).toMatch(/^single-server server /);
    expect(found.filter((line) => line.startsWith('few-replicas'))).toHaveLength(5);
  });

  test('finds an account that is nearly full', async () => {
    const config = `
      accounts { A { jetstream { max_streams: 5 }, users: [{ user: a, password: a }] } }
      no_auth_user: a`;
    const { server } = await open({}, config);
    const { findings } = await doctor(server.url);
    expect(findings[0]).toMatchObject({
      code: 'storage-nearly-full',
      found: 'streams is 100 % used (5 of 5)',
    });
  });

  test('sees by monitoring how often a server syncs', async () => {
    const port = await freePort();
    const monitor = `http://127.0.0.1:${port}`;
    const { server } = await open({}, `http: "127.0.0.1:${port}"`);
    const { code, findings } = await doctor(server.url, ['--monitor', monitor]);
    expect({ code, findings }).toEqual({ code: 0, findings: [] });

    const late = await freePort();
    const config = `http: "127.0.0.1:${late}"\njetstream { sync_interval: "2m" }`;
    const { server: lazy } = await open({}, config);
    const seen = await doctor(lazy.url, ['--monitor', `http://127.0.0.1:${late}/`]);
    expect(seen.findings).toMatchObject([
      { code: 'sync-interval-long', found: 'sync_interval is 120 s' },
    ]);
    expect(seen.code).toBe(1);
  });

  test('says when monitoring does not answer as it should', async () => {
    const stranger = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1');
    onTestFinished(() => void stranger.close());
    await new Promise((resolve) => stranger.once('listening', resolve));
    const { port } = stranger.address() as AddressInfo;
    const { server } = await open();
    const monitors = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${await freePort()}`];
    const { code, findings } = await doctor(
      server.url,
      monitors.flatMap((url) => ['--monitor', url]),
    );
    expect({ code, findings }).toMatchObject({
      code: 1,
      findings: [
        { code: 'monitor-unreachable', found: 'its /varz is not that of a NATS server' },
        { code: 'monitor-unreachable', found: expect.stringContaining('ECONNREFUSED') },
      ],
    });
  });

  test('finds that the clocks differ', async () => {
    const { server } = await open();
    const late = 'const%20now=Date.now;Date.now=()=>now()-36e5';
    const { findings } = await doctor(server.url, [], {
      NODE_OPTIONS: `--import=data:text/javascript,${late}`,
    });
    expect(findings[0]).toMatchObject({
      code: 'clock-skew',
      found: expect.stringMatching(/^its clock is 3(?:599|600)\.\d s ahead of this machine's$/),
    });
  });

  test('a server that is not there, or does not let Leat look, is exit code 2', async () => {
    const gone = await doctor(`nats://127.0.0.1:${await freePort()}`);
    expect(gone).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/No NATS server answers/),
    });
    const plain = await startServer(version, { jetstream: false });
    expect(await doctor(plain.url)).toMatchObject({ code: 2 });
    const config = `
      authorization { users: [{ user: a, password: a, permissions: { publish: { deny: "$JS.API.STREAM.>" } } }] }
      no_auth_user: a`;
    const strict = await startServer(version, { config });
    expect(await doctor(strict.url, ['--log-level', 'silent'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^leat: .+ does not let this account use JetStream/),
    });
  });

  test('--fix mends what it may, loses nothing, and leaves a clean report', async () => {
    const { server, connection } = await open();
    const { manager, topology, runs, spec } = connection;
    const createdAt = new Date().toISOString();
    await runs.create({ run: 'run-1', pipeline: 'cities', params: {}, spec, createdAt });
    await remakeWork(connection, { discard: 'old', duplicate_window: 1e9 });
    await remakeConsumer(connection, { ack_wait: 300e9, max_deliver: 3, max_ack_pending: 5 });
    await sendChunks(connection, 20);
    await manager.consumers.delete('leat_cities_out', 'out');
    await manager.streams.delete('leat_cities_receipts');
    await manager.streams.delete('leat_cities_dead');

    const { mended, found } = await doctor(server.url, ['--fix']);
    expect(mended.map(({ code }) => code).toSorted()).toEqual([
      'ack-pending-low',
      'ack-wait-long',
      'consumer-missing',
      'discard-old',
      'duplicate-window-short',
      'max-deliver',
      'stream-missing',
      'stream-missing',
    ]);
    expect(mended.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
    expect(found).toEqual(['queue-stands-still consumer work of leat_cities_work']);
    expect((await manager.streams.info(work(topology))).state.messages).toBe(20);

    // A service finds everything as it wants it, and gets what was there.
    const receiver = startReceiver(await openPipeline(server, spec), ({ ack }) => ack());
    await until('all chunks arrived', () => receiver.deliveries.length === 20);
    await receiver.stop();
    expect(await doctor(server.url)).toMatchObject({ code: 0, found: [] });
  });

  test('--fix says what the server refuses, and leaves alone what it may not touch', async () => {
    const { server, connection } = await open();
    const { manager, topology } = connection;
    await remakeWork(connection, { retention: 'limits', storage: 'memory' });
    await manager.streams.delete('leat_cities_dead');
    await manager.streams.add({ name: 'thief', subjects: [...topology.dead.subjects] });
    const { code, mended, found } = await doctor(server.url, ['--fix', '--production']);
    expect(mended).toMatchObject([
      { code: 'stream-missing', refusal: expect.stringMatching(/another stream has its subjects/) },
    ]);
    expect(code).toBe(1);
    expect(found).toContain('wrong-retention stream leat_cities_work');
    expect(found).toContain('memory-storage stream leat_cities_work');
    expect(found).toContain('stream-missing stream leat_cities_dead');
  });

  test('a line says all of a finding', async () => {
    const { server, connection } = await open();
    await remakeConsumer(connection, { max_deliver: 3 });
    const { stdout } = await leat(['doctor', '--nats', server.url], { cwd: '.' });
    const [line, note, summary, ...rest] = stdout.split('\n');
    expect(line).toMatch(
      /^error {4}max-deliver {14}consumer work of leat_cities_work: max_deliver is 3\. .+ Remedy: .+ \(--fix does it\)$/,
    );
    expect(note).toMatch(/^note {5}sync-interval-unseen /);
    expect([summary, ...rest]).toEqual(['1 error, 1 note.', '']);
    const { stdout: fixed } = await leat(['doctor', '--fix', '--nats', server.url], { cwd: '.' });
    expect(fixed).toMatch(
      /^mended {3}max-deliver {14}consumer work of leat_cities_work: .+ is 3\n/,
    );
  });
});

describe('in a cluster', () => {
  test('copies are wanted, and those that are away are told', async () => {
    const names = ['one', 'two', 'three'];
    const ports = await Promise.all(names.map(freePort));
    const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`).join(', ');
    const servers = await Promise.all(
      names.map((name, at) =>
        startServer(undefined, {
          config: `server_name: ${name}\ncluster { name: c, listen: "127.0.0.1:${ports[at]}", routes: [${routes}] }`,
        }),
      ),
    );
    const url = servers.map((server) => server.url).join(',');
    const manager = await untilOpen(url, 'safe', 3);
    await openPipeline({ url }, lineSpec('single'));
    await until('every copy is there', async () => {
      const { found } = await doctor(url);
      return !found.some((line) => line.startsWith('replica-offline'));
    });
    const { code, found } = await doctor(url);
    expect({ code, found: found.toSorted() }).toEqual({
      code: 1,
      found: ['KV_leat_single', 'dead', 'out', 'receipts', 'work'].map((name) =>
        name === 'KV_leat_single'
          ? `few-replicas stream ${name}`
          : `few-replicas stream leat_single_${name}`,
      ),
    });

    const { cluster } = await manager.streams.info('leat_single_work');
    await servers[names.indexOf(cluster?.leader ?? '')]?.kill();
    const alive = servers.filter((_, at) => names[at] !== cluster?.leader);
    await until(
      'the server that is gone is told',
      async () => {
        const later = await doctor(alive.map((server) => server.url).join(','));
        return (
          later.found.includes('stream-unavailable stream leat_single_work') &&
          later.found.includes('replica-offline stream leat_safe_work')
        );
      },
      60_000,
    );
  }, 180_000);
});

/** Opens a pipeline as soon as the servers have found each other. */
async function untilOpen(url: string, name: string, replicas: number): Promise<JetStreamManager> {
  let manager: JetStreamManager | undefined;
  await until(
    'the cluster is ready',
    async () => {
      manager = await openPipeline({ url }, lineSpec(name), { replicas }).then(
        ({ connection }) => connection.manager,
        () => undefined,
      );
      return manager !== undefined;
    },
    60_000,
  );
  return manager as JetStreamManager;
}
