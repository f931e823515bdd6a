import { join } from 'node:path';
import { messageOf } from '@leat/core';
import { startNatsServer } from '@leat/nats-server';
import { expect, onTestFinished, test } from 'vitest';
import {
  DEADLINE_MS,
  Deployment,
  expectBalance,
  expectSquares,
  type Role,
} from '../support/deployment.ts';
import { savedChunks } from '../support/saved-folder.ts';
import { freePort } from '../support/free-port.ts';
import type { LeatProcess } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import { nodeConfig } from './cluster.ts';
import { type FarSide, openFarSide } from './far-side.ts';

const COUNT = 20_000;
function says(process: LeatProcess | undefined, text: string): () => boolean {
  return () => process?.stderr().includes(text) ?? false;
}

const ROLES: readonly Role[] = ['fetcher', 'mapper', 'saver'];

test('one of three servers is cut off together with the active fetcher, a mapper and a saver', async (context) => {
  let far: FarSide;
  try {
    far = await openFarSide();
  } catch (error) {
    const reason = `NOT TESTED: a partition, because there is no network to be cut here: ${messageOf(error)}`;
    process.stderr.write(`${reason}\n`);
    context.skip(reason);
    return;
  }
  onTestFinished(() => far[Symbol.asyncDispose]());
  await using dir = await tempDir();
  const ports = await Promise.all(Array.from({ length: 6 }, freePort));
  const hosts = [far.nearAddress, far.nearAddress, far.farAddress];
  const routes = hosts.map((host, at) => `${host}:${ports[at]}`);
  const url = hosts.map((host, at) => `nats://${host}:${ports[at + 3]}`).join(',');
  const options = (at: number): { port: number; config: string; storeDir: string } => ({
    port: ports[at + 3] ?? 0,
    storeDir: join(dir.path, `nats-${at}`),
    config: `host: "0.0.0.0"\n${nodeConfig(`node-${at}`, routes[at] ?? '', routes)}`,
  });
  const starting = far.startServer(options(2));
  const [server, other] = await Promise.all([
    startNatsServer(options(0)),
    startNatsServer(options(1)),
  ]);
  onTestFinished(() => other.stop());
  await starting;

  const env = { NATS_URL: url, LEAT_STREAM_REPLICAS: '3', LEAT_ACK_WAIT_MS: '2000' };
  await using site = await Deployment.create('steady.ts', { server, env });
  const run = 'r1';
  const params = [`count=${COUNT}`, 'delayMs=40', `hold=${COUNT * 0.9}`];
  const flags = params.flatMap((param) => ['--param', param]);
  await until('the cluster takes a run', async () => {
    const { code } = await site.leat('start', site.file, '--run', run, ...flags);
    return code === 0;
  });
  const cutOff = ROLES.map((role) => site.replica(role, [], far.within));
  const [active] = cutOff;
  await until('the run has a fetcher', says(active, 'run started'), DEADLINE_MS);
  const [standby, ...others] = ROLES.map((role) => site.replica(role));
  await site.untilSaved(200, run, 'steady');

  await far.cut();
  const cutAt = performance.now();
  await until('takeover', says(standby, 'run resumed'), DEADLINE_MS);
  const takenAt = performance.now();
  const before = await savedChunks(site.out('steady', run));
  await site.untilSaved(before + 150, run, 'steady');
  expect((await site.report(run)).state).toBe('running');
  await far.join();
  await site.letGo();
  process.stdout.write(
    `partition: taken over after ${((takenAt - cutAt) / 1_000).toFixed(1)} s, joined after ${((performance.now() - cutAt) / 1_000).toFixed(1)} s, ` +
      `with ${before + 150} of ${COUNT / 20} chunks saved\n`,
  );
  await until('the run has ended', says(standby, 'run ended'), DEADLINE_MS);
  await until(
    'the one that was cut off has found out',
    says(active, 'Another fetcher has taken over'),
    DEADLINE_MS,
  );

  for (const each of [...cutOff, ...others, standby]) {
    each?.kill('SIGTERM');
    expect(await each?.ended).toMatchObject({ code: 0 });
  }
  const report = await site.report(run);
  expect(report).toMatchObject({ state: 'completed', records: { in: COUNT, saved: COUNT } });
  expectBalance(report);
  expect(await site.verify(run)).toMatchObject({ code: 0 });
  expectSquares(await site.exported(run), COUNT);
});
