import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { DEFAULT_TOPOLOGY_SETTINGS } from '@leat/core';
import { type NatsSettings, openConnection, openPipelineConnection } from '@leat/runtime';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { makeCertificates } from '../support/certificates.ts';
import {
  lineSpec,
  openPipeline,
  sendChunks,
  SERVERS,
  startReceiver,
  startServer,
} from '../support/jetstream.ts';
import { newAccount } from '../support/nats-account.ts';
import { newKey } from '../support/nats-keys.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

let directory: string;

const inDirectory = (name: string): string => join(directory, name);

beforeEach(async () => {
  const created = await tempDir();
  directory = created.path;
  onTestFinished(() => created[Symbol.asyncDispose]());
});

async function write(name: string, text: string): Promise<string> {
  await writeFile(join(directory, name), text, { mode: 0o600 });
  return join(directory, name);
}

/** Sends and receives a chunk, and holds it until there is a sign of life: the holder must get in as well. */
async function demandFlow(url: string, nats: Partial<NatsSettings>): Promise<void> {
  const open = await openPipeline({ url }, lineSpec(), { ackWaitMs: 1_000 }, nats);
  const signs: string[] = [];
  open.connection.nats.subscribe('$JS.ACK.>', {
    callback: (_, message) => void signs.push(message.string()),
  });
  const receiver = startReceiver(open, () => undefined);
  await sendChunks(open.connection, 1);
  await until('it arrived', () => receiver.deliveries.length === 1);
  await until('there is a sign of life', () => signs.includes('+WPI'));
}

/** A way to a server on which the first connection gets no answer from JetStream. */
async function startMutedProxy(port: number): Promise<string> {
  let connections = 0;
  const proxy = createServer((client) => {
    const isMuted = ++connections === 1;
    const upstream = createConnection({ port, host: '127.0.0.1' });
    client.on('data', (data) => {
      if (!isMuted || !data.includes('$JS.API')) upstream.write(data);
    });
    upstream.on('data', (data) => client.write(data));
    for (const each of [client, upstream]) each.on('error', () => undefined);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close());
  return `nats://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

const refusal = (url: string) => ({
  code: 'invalid-configuration',
  message: expect.stringContaining(`The NATS server at ${url} refused the credentials`),
});

describe.each(SERVERS)('access to $server', ({ version }) => {
  test('by tls:// is refused where the server has no TLS', async () => {
    const { url } = await startServer(version);
    const settings = {
      nats: { url: url.replace('nats:', 'tls:') },
      topology: DEFAULT_TOPOLOGY_SETTINGS,
    };
    const options = { name: 'test', logger: recordingLogger() };
    await expect(openPipelineConnection(lineSpec(), settings, options)).rejects.toMatchObject({
      code: 'invalid-configuration',
      message: expect.stringContaining('has no TLS, and it is asked for'),
    });
  });

  test('by user and password', async () => {
    const { url } = await startServer(version, {
      config: 'authorization { user: leat, password: "s3cret" }',
    });
    await demandFlow(url, { user: 'leat', password: 's3cret' });
    const wrong = openPipeline({ url }, lineSpec(), {}, { user: 'leat', password: 'wrong' });
    await expect(wrong).rejects.toMatchObject(refusal(url));
    await expect(openPipeline({ url })).rejects.toMatchObject(refusal(url));
  });

  test('by token', async () => {
    const { url } = await startServer(version, { config: 'authorization { token: "s3cret" }' });
    await demandFlow(url, { token: 's3cret' });
    const wrong = openPipeline({ url }, lineSpec(), {}, { token: 'wrong' });
    await expect(wrong).rejects.toMatchObject(refusal(url));
  });

  test('by an address with a user and a password, whatever their characters', async () => {
    const [user, password] = ['me@home', 's3:cr/e?t#%ä漢'];
    const { url } = await startServer(version, {
      config: `authorization { user: ${JSON.stringify(user)}, password: ${JSON.stringify(password)} }`,
    });
    const withLogin = (...login: readonly string[]): string =>
      url.replace('//', `//${login.map(encodeURIComponent).join(':')}@`);
    await demandFlow(withLogin(user, password), {});
    const wrong = openPipeline({ url: withLogin(user, 'wrong') }, lineSpec());
    await expect(wrong).rejects.toMatchObject(refusal(url));
  });

  test('by nkey', async () => {
    const key = newKey('user');
    const { url } = await startServer(version, {
      config: `authorization { users: [{ nkey: ${key.publicKey} }] }`,
    });
    await demandFlow(url, { nkeyFile: await write('user.nk', `${key.seed}\n`) });
    const nkeyFile = await write('other.nk', newKey('user').seed);
    await expect(openPipeline({ url }, lineSpec(), {}, { nkeyFile })).rejects.toMatchObject(
      refusal(url),
    );
    const inPlace = openPipeline({ url }, lineSpec(), {}, { nkeyFile: key.seed });
    await expect(inPlace).rejects.toMatchObject({
      code: 'invalid-configuration',
      message: expect.not.stringContaining(key.seed.slice(0, 20)),
    });
  });

  test('by credentials file', async () => {
    const { config, creds } = newAccount();
    const { url } = await startServer(version, { config });
    const credsFile = await write('user.creds', creds);
    await demandFlow(url, { credsFile });
    const missing = openPipeline({ url }, lineSpec(), {}, { credsFile: join(directory, 'none') });
    await expect(missing).rejects.toMatchObject({
      code: 'invalid-configuration',
      message: expect.stringContaining('cannot be read'),
    });
  });

  test('over TLS, with a certificate authority of one’s own and a client certificate', async () => {
    const subject = 'DNS:localhost,IP:127.0.0.1';
    await makeCertificates(directory, { server: subject, client: subject });
    const { url } = await startServer(version, {
      config: `tls { cert_file: "${inDirectory('server.pem')}", key_file: "${inDirectory('server.key')}", ca_file: "${inDirectory('ca.pem')}", verify: true }`,
    });
    const secure = url.replace('nats://127.0.0.1', 'tls://localhost');
    await demandFlow(secure, {
      tlsCaFile: inDirectory('ca.pem'),
      tlsCertFile: inDirectory('client.pem'),
      tlsKeyFile: inDirectory('client.key'),
    });
    await expect(openPipeline({ url: secure })).rejects.toMatchObject({
      code: 'invalid-configuration',
      message: expect.stringMatching(/^The certificate of the NATS server at .* is not trusted/),
    });
  });

  test('that is taken away is tried again until it is given back, with what the file holds then', async () => {
    const [user, renewed] = [newKey('user'), newKey('user')];
    const configFor = (key: string): string => `authorization { users: [{ nkey: ${key} }] }`;
    const storeDir = inDirectory('store');
    const server = await startServer(version, { storeDir, config: configFor(user.publicKey) });
    const nkeyFile = await write('user.nk', user.seed);
    const open = await openPipeline(server, lineSpec(), {}, { nkeyFile });
    const receiver = startReceiver(open, () => undefined);
    const { link, holder } = open.connection;
    await holder.ready;
    const again = { port: server.port, storeDir, config: configFor(renewed.publicKey) };

    await server.kill('SIGKILL');
    const changed = await startServer(version, again);
    await until('it is refused', () =>
      open.logger.at('error').some((text) => /refuses the credentials \(.*Auth/.test(text)),
    );
    await write('user.nk', renewed.seed);
    await until('it is let in', () => link.isUp);

    await write('user.nk', 'half-written');
    await changed.kill('SIGKILL');
    await until('it is away', () => !link.isUp);
    await startServer(version, again);
    await until('it is let in again', () => link.isUp);
    await sendChunks(open.connection, 1);
    await until('it arrived', () => receiver.deliveries.length === 1);
    expect(link.isClosed).toBe(false);
  });

  test('is refused by name where a server has as many connections as it takes', async () => {
    const { url } = await startServer(version, { config: 'max_connections: 1' });
    const options = { name: 'test', logger: recordingLogger() };
    // The look whether the server is up may not have left it yet.
    const first = await openConnection({ url }, { ...options, isPatient: true });
    onTestFinished(() => first.close());
    await expect(openConnection({ url }, options)).rejects.toMatchObject({
      code: 'unreachable',
      message: `The NATS server at ${url} turns new connections away (maximum connections exceeded): end others, or raise its limit.`,
    });
  });

  test('to a server that is not there is told, or waited for', async () => {
    const server = await startServer(version);
    await server.kill('SIGKILL');
    await expect(openPipeline(server)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining(`No NATS server answers at ${server.url}`),
    });
  });

  test('to a server that greets and says no more is waited for by a service', async () => {
    const server = await startServer(version);
    const url = await startMutedProxy(server.port);
    const logger = recordingLogger();
    const settings = { nats: { url }, topology: DEFAULT_TOPOLOGY_SETTINGS };
    const options = { name: 'test', logger, isPatient: true };
    const connection = await openPipelineConnection(lineSpec(), settings, options);
    onTestFinished(() => connection.close());
    expect(logger.at('warn')[0]).toMatch(/does not answer any more|its JetStream does not/);
  });
});
