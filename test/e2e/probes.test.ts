import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { startNatsServer } from '@leat/nats-server';
import { streamName } from '@leat/core';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { DEADLINE_MS, type Role } from '../support/deployment.ts';
import { freePort } from '../support/free-port.ts';
import { fixture, leat, type LeatProcess, spawnLeat } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

interface Probed extends LeatProcess {
  readonly port: () => string | undefined;
  /** Status and text of an answer. */
  readonly probe: (
    path: '/healthz' | '/readyz' | '/metrics',
  ) => Promise<{ status: number; text: string }>;
  readonly untilReady: (status?: number) => Promise<void>;
}

/** Starts a service of the pipeline `steady` that answers probes. */
async function spawnProbed(
  role: Role,
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<Probed> {
  const service = spawnLeat([role, fixture('steady.ts')], {
    cwd,
    env: { ...env, LEAT_HTTP_PORT: '0', LEAT_LOG_FORMAT: 'json' },
  });
  const port = (): string | undefined => /"port":(\d+)/.exec(service.stderr())?.[1];
  await until('it answers probes', () => port() !== undefined, DEADLINE_MS);
  const probe: Probed['probe'] = async (path) => {
    const answer = await fetch(`http://127.0.0.1:${port()}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  const untilReady: Probed['untilReady'] = (status = 200) =>
    until(
      `${role} answers ${status}`,
      async () => (await probe('/readyz')).status === status,
      DEADLINE_MS,
    );
  return { ...service, port, probe, untilReady };
}

test.each<Role>(['fetcher', 'mapper', 'saver'])(
  'a %s is ready while it is connected, whatever comes up first',
  async (role) => {
    await using dir = await tempDir();
    const port = await freePort();
    await using service = await spawnProbed(role, dir.path, {
      NATS_URL: `nats://127.0.0.1:${port}`,
    });
    expect(await service.probe('/healthz')).toEqual({ status: 200, text: 'alive\n' });
    expect(await service.probe('/readyz')).toEqual({
      status: 503,
      text: 'not ready: no NATS server has answered yet\n',
    });
    await using server = await startNatsServer({ port, storeDir: join(dir.path, 'nats') });
    await service.untilReady();
    await server.kill();
    await service.untilReady(503);
    expect(await service.probe('/healthz')).toMatchObject({ status: 200 });
    await server.restart();
    await service.untilReady();
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0, signal: null });
  },
);

const OTHER_LOOPBACK = '127.0.0.2';

test.each([
  { host: undefined, answers: ['127.0.0.1'], refuses: [OTHER_LOOPBACK, ...outsideAddresses()] },
  { host: OTHER_LOOPBACK, answers: [OTHER_LOOPBACK], refuses: ['127.0.0.1'] },
  { host: '::', answers: ['127.0.0.1', OTHER_LOOPBACK, ...outsideAddresses()], refuses: [] },
])(
  'a service with LEAT_HTTP_HOST=$host answers on $answers and nowhere else',
  async ({ host, answers, refuses }) => {
    await using dir = await tempDir();
    const env = { NATS_URL: `nats://127.0.0.1:${await freePort()}` };
    await using service = await spawnProbed('mapper', dir.path, {
      ...env,
      ...(host !== undefined && { LEAT_HTTP_HOST: host }),
    });
    for (const path of ['healthz', 'readyz', 'metrics']) {
      for (const address of answers) {
        const answer = await fetch(`http://${address}:${service.port()}/${path}`);
        expect(answer.status).toBe(path === 'readyz' ? 503 : 200);
      }
      for (const address of refuses) {
        const asked = fetch(`http://${address}:${service.port()}/${path}`);
        await expect(asked).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
      }
    }
  },
);

/** The addresses by which this machine is reached from outside. */
function outsideAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
}

test('a mapper that is asked to stop is not ready, and gives back what it cannot finish in time', async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer({ storeDir: join(dir.path, 'nats') });
  const env = { NATS_URL: server.url, LEAT_STOP_GRACE_MS: '4000' };
  await using mapper = await spawnProbed('mapper', dir.path, env);
  await using fetcher = await spawnProbed('fetcher', dir.path, env);
  // A record takes ten minutes.
  const params = ['--param', 'count=20', '--param', 'delayMs=600000'];
  const started = await leat(['start', fixture('steady.ts'), ...params], { cwd: dir.path, env });
  expect(started).toMatchObject({ code: 0 });
  const nats = await connect({ servers: server.url });
  const manager = await jetstreamManager(nats);
  const inHand = async (): Promise<number> =>
    (await manager.consumers.info(streamName('steady', 'squares'), 'squares')).num_ack_pending;
  await until('the chunk is in hand', async () => (await inHand()) === 1, DEADLINE_MS);
  mapper.kill('SIGTERM');
  const why = 'not ready: it was asked to stop, and finishes what is in hand\n';
  await until('it says so', async () => (await mapper.probe('/readyz')).text === why);
  expect(await mapper.ended).toMatchObject({ code: 0, signal: null });
  // It did not just die with it: the next one gets it at once, and not after ten seconds of silence.
  const consumer = await jetstream(nats).consumers.get(streamName('steady', 'squares'), 'squares');
  const message = await consumer.next({ expires: 8_000 });
  expect(message?.info.deliveryCount).toBe(2);
  await nats.close();
  fetcher.kill('SIGTERM');
  expect(await fetcher.ended).toMatchObject({ code: 0 });
});

test('metrics are answered in time, with what is known, while the server is silent', async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer({ storeDir: join(dir.path, 'nats') });
  await using mapper = await spawnProbed('mapper', dir.path, { NATS_URL: server.url });
  await mapper.untilReady();
  const queue = 'leat_queue_messages{stage="squares",state="waiting"';
  const scrape = async (): Promise<string> => (await mapper.probe('/metrics')).text;
  await until('the queue is shown', async () => (await scrape()).includes(queue), DEADLINE_MS);
  process.kill(server.pid, 'SIGSTOP');
  const askedAt = performance.now();
  const silent = await scrape();
  // A scraper waits for ten seconds by default.
  expect(performance.now() - askedAt).toBeLessThan(9_000);
  expect(silent).not.toContain(queue);
  expect(silent).toContain('leat_chunks_in_flight{stage="squares"');
  process.kill(server.pid, 'SIGCONT');
  await until(
    'the queue is shown again',
    async () => (await scrape()).includes(queue),
    DEADLINE_MS,
  );
  await server.kill();
  await server.restart();
  const back = /^leat_nats_reconnects_total\{.*\} [1-9]/m;
  await until('it is connected again', async () => back.test(await scrape()), DEADLINE_MS);
});
