import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type StartNatsServerOptions, startNatsServer } from '@leat/nats-server';
import {
  AckPolicy,
  DiscardPolicy,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamAPI,
} from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type Ended, fixture, leat, spawnLeat } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const SQUARES = fixture('squares.ts');
const ONE_SENTENCE = /^leat: [^\n]+\n$/;

/** Runs a command that must be refused with one sentence. */
async function refusal(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  await using dir = await tempDir();
  const ended = await leat(args, { cwd: dir.path, env });
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stderr).toMatch(ONE_SENTENCE);
  return ended;
}

/** A port that hardly anybody may listen on, and nobody does. */
const CLOSED_PORT = 1;

test.each([{ args: ['start', SQUARES] }, { args: ['status'] }, { args: ['verify', 'some-run'] }])(
  'leat $args says at which address no server answers',
  async ({ args }) => {
    const url = `nats://127.0.0.1:${CLOSED_PORT}`;
    const { stderr } = await refusal(args, { NATS_URL: url });
    expect(stderr).toContain(`No NATS server answers at ${url}`);
  },
);

test('an address that is not valid is named, and a password in it is not', async () => {
  const url = `nats://me:s3cret@127.0.0.1:${CLOSED_PORT}`;
  const { stderr } = await refusal(['status'], { NATS_URL: url });
  expect(stderr).toContain(`127.0.0.1:${CLOSED_PORT}`);
  expect(stderr).not.toContain('s3cret');
  const none = await refusal(['status'], { NATS_URL: 'nats://127.0.0.1:99999' });
  // It might be a user with a password of digits.
  expect(none.stderr).toMatch(/The NATS address, which is not shown, is not valid/);
});

test('a service keeps trying until the server comes up, and ends well', async () => {
  await using dir = await tempDir();
  const port = await freePort();
  const env = { NATS_URL: `nats://127.0.0.1:${port}` };
  await using mapper = spawnLeat(['mapper', SQUARES], { cwd: dir.path, env });
  const tries = (): RegExpMatchArray[] => [
    ...mapper.stderr().matchAll(/No NATS server answers at nats:.*"retryInMs":(\d+)/g),
  ];
  // Tries that are less than a second apart have one line.
  await until('it has tried three times', () => tries().length >= 3);
  const waits = tries().map(([, ms]) => Number(ms));
  expect(waits).toEqual([...new Set(waits)].toSorted((a, b) => a - b));
  await using server = await startNatsServer({ port });
  expect(server.url).toBe(env.NATS_URL);
  await until('it is ready', () => mapper.stderr().includes('service ready'));
  mapper.kill('SIGINT');
  expect(await mapper.ended).toMatchObject({ code: 0 });
});

test('a service that waits for its server can be stopped', async () => {
  await using dir = await tempDir();
  const env = { NATS_URL: `nats://127.0.0.1:${CLOSED_PORT}` };
  await using saver = spawnLeat(['saver', SQUARES], { cwd: dir.path, env });
  await until('it has tried', () => saver.stderr().includes('No NATS server answers'));
  saver.kill('SIGTERM');
  expect(await saver.ended).toMatchObject({ code: 0 });
});

interface Unfit {
  readonly what: string;
  readonly server: StartNatsServerOptions;
  /** Commands that are refused; one that has no pipeline file, unless the way to the server may differ. */
  readonly calls?: readonly (readonly string[])[];
  readonly env?: Readonly<Record<string, string>>;
  readonly says: RegExp;
}

const PASSWORD = { config: 'authorization { user: leat, password: right }' };
const TOKEN = { config: 'authorization { token: right }' };
const REFUSED = /refused the credentials .*NATS_USER and NATS_PASSWORD, NATS_TOKEN/;
const ACCOUNTS = {
  config: `accounts {
    FULL: { jetstream: enabled, users: [{ user: full, password: right }] }
    BARE: { users: [{ user: bare, password: right }] }
  }`,
};

const ALL = [['start', SQUARES], ['status'], ['mapper', SQUARES]];

const UNFIT: readonly Unfit[] = [
  {
    what: 'has no JetStream',
    server: { jetstream: false },
    calls: ALL,
    says: /JetStream switched off/,
  },
  { what: 'wants credentials and gets none', server: PASSWORD, calls: ALL, says: REFUSED },
  {
    what: 'gets a wrong password',
    server: PASSWORD,
    env: { NATS_USER: 'leat', NATS_PASSWORD: 'wrong' },
    says: REFUSED,
  },
  { what: 'gets a wrong token', server: TOKEN, env: { NATS_TOKEN: 'wrong' }, says: REFUSED },
  {
    what: 'has no JetStream for the account',
    server: ACCOUNTS,
    env: { NATS_USER: 'bare', NATS_PASSWORD: 'right' },
    says: /does not let this account use JetStream/,
  },
];

test.each(UNFIT)(
  'a server that $what is refused by name',
  async ({ server: options, calls = [['status']], env, says }) => {
    await using server = await startNatsServer(options);
    for (const args of calls) {
      const { stderr } = await refusal(args, { NATS_URL: server.url, ...env });
      expect(stderr).toContain(server.url);
      expect(stderr).toMatch(says);
    }
  },
);

test.each([
  {
    what: 'too little room',
    config: 'jetstream { max_file_store: 1MB }',
    env: {},
    says: /stream leat_squares_\w+ .*too little storage/,
  },
  {
    what: 'no cluster to copy streams in',
    config: '',
    env: { LEAT_STREAM_REPLICAS: '3' },
    says: /stream leat_squares_\w+ .*not in a cluster.*LEAT_STREAM_REPLICAS/,
  },
])('a server with $what is refused by name', async ({ config, env, says }) => {
  await using server = await startNatsServer({ config });
  const { stderr } = await refusal(['start', SQUARES], { NATS_URL: server.url, ...env });
  expect(stderr).toContain(server.url);
  expect(stderr).toMatch(says);
});

test.each([
  { variable: 'NATS_CREDS', content: 'nothing of the kind' },
  { variable: 'NATS_NKEY', content: 'nothing of the kind' },
  { variable: 'NATS_CREDS', content: undefined },
  { variable: 'NATS_CA', content: undefined },
])('$variable with a file that holds $content is refused by name', async (each) => {
  const { variable, content } = each;
  await using server = await startNatsServer(PASSWORD);
  await using dir = await tempDir();
  const file = join(dir.path, 'secret');
  if (content !== undefined) await writeFile(file, content);
  const { stderr } = await refusal(['status'], { NATS_URL: server.url, [variable]: file });
  expect(stderr).toMatch(new RegExp(`${variable}|${file}`));
});

test('a server that is too old is refused with its version and the reason', async () => {
  const sockets = new Set<() => void>();
  const old = createServer((socket) => {
    sockets.add(() => socket.destroy());
    socket.on('error', () => undefined);
    const info = { server_id: 'old', version: '2.9.10', jetstream: true, max_payload: 1_048_576 };
    socket.write(`INFO ${JSON.stringify({ ...info, headers: true, proto: 1 })}\r\n`);
    socket.on('data', (data) => {
      if (data.includes('PING')) socket.write('PONG\r\n');
    });
  }).listen(0, '127.0.0.1');
  try {
    await once(old, 'listening');
    const url = `nats://127.0.0.1:${(old.address() as AddressInfo).port}`;
    for (const args of [['start', SQUARES], ['status'], ['mapper', SQUARES]]) {
      const { stderr } = await refusal(args, { NATS_URL: url });
      expect(stderr).toContain(url);
      expect(stderr).toMatch(/is version 2\.9\.10, and Leat needs 2\.10\.27 or newer: .*lose/);
    }
  } finally {
    for (const destroy of sockets) destroy();
    old.close();
  }
});

const stream = {
  name: 'leat_squares_squares',
  subjects: ['leat.v1.squares.squares.*'],
  retention: RetentionPolicy.Workqueue,
  discard: DiscardPolicy.New,
  storage: StorageType.Memory,
};

test.each<{
  readonly what: string;
  readonly config: Parameters<StreamAPI['add']>[0];
  readonly says: RegExp;
  readonly repaired?: RegExp;
}>([
  {
    what: 'keeps messages',
    config: { ...stream, retention: RetentionPolicy.Limits },
    says: /stream leat_squares_squares has retention "limits" where Leat needs "workqueue"/,
  },
  {
    what: 'throws old messages away',
    config: { ...stream, discard: DiscardPolicy.Old },
    says: /stream leat_squares_squares has discard "old" where Leat needs "new"/,
    repaired: /discard is old, wanted new; repaired/,
  },
  {
    what: 'has other subjects',
    config: { ...stream, subjects: ['elsewhere.*'] },
    says: /stream leat_squares_squares has subjects \["elsewhere\.\*"\] where Leat needs/,
    repaired: /subjects is \["elsewhere\.\*"\], wanted .+; repaired/,
  },
  {
    what: 'has another name and Leat’s subjects',
    config: { ...stream, name: 'other' },
    says: /another stream has its subjects/,
  },
  {
    what: 'stands where the bucket should be',
    config: { ...stream, name: 'KV_leat_squares', subjects: ['elsewhere.*'] },
    says: /KV_leat_squares|leat_squares/,
  },
])('a stream that $what is refused by its field, or repaired by a service', async (found) => {
  await using server = await startNatsServer();
  const connection = await connect({ servers: server.url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add(found.config);
  await connection.close();
  const env = { NATS_URL: server.url };
  const { stderr } = await refusal(['start', SQUARES], env);
  expect(stderr).toContain(server.url);
  expect(stderr).toMatch(found.says);

  await using dir = await tempDir();
  await using saver = spawnLeat(['saver', SQUARES], { cwd: dir.path, env });
  if (found.repaired === undefined) {
    expect(await saver.ended).toMatchObject({ code: 2, stderr: expect.stringMatching(found.says) });
    return;
  }
  await until('it is ready', () => saver.stderr().includes('service ready'));
  expect(saver.stderr()).toMatch(found.repaired);
  saver.kill('SIGINT');
  expect(await saver.ended).toMatchObject({ code: 0 });
});

test('a consumer with other settings is refused by its field', async () => {
  await using server = await startNatsServer();
  const connection = await connect({ servers: server.url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add(stream);
  await manager.consumers.add(stream.name, {
    durable_name: 'squares',
    ack_policy: AckPolicy.Explicit,
    max_deliver: 3,
    filter_subject: stream.subjects[0]!,
  });
  await connection.close();
  const { stderr } = await refusal(['start', SQUARES], { NATS_URL: server.url });
  expect(stderr).toContain(server.url);
  expect(stderr).toMatch(/consumer squares .* has max_deliver 3 where Leat needs -1/);
});
