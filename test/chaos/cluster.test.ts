import { connect } from '@nats-io/transport-node';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { DEADLINE_MS, Deployment, expectBalance, expectSquares } from '../support/deployment.ts';
import {
  bodyOf,
  envelopeOf,
  lineSpec,
  NEVER,
  openPipeline,
  type OpenPipeline,
} from '../support/jetstream.ts';
import { until } from '../support/until.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { Supervisor } from './supervisor.ts';

const ONE_OR_TWO = { fetcher: 1, mapper: 2, saver: 1 };

interface Scene {
  readonly cluster: Cluster;
  readonly site: Deployment;
  readonly supervisor: Supervisor;
  readonly run: string;
}

let supervisor: Supervisor | undefined;
afterEach(async () => void (await supervisor?.stop()));

/** A run of that many numbers over three servers, which has begun. */
async function begin(count: number): Promise<Scene> {
  const cluster = await startCluster();
  const [{ server } = expect.fail('no node')] = cluster.nodes;
  const env = { NATS_URL: cluster.url, LEAT_STREAM_REPLICAS: '3', LEAT_ACK_WAIT_MS: '2000' };
  const site = await Deployment.create('steady.ts', { server, env });
  const params = [`count=${count}`, 'delayMs=100', `hold=${count * 0.8}`];
  const flags = params.flatMap((param) => ['--param', param]);
  await until('the cluster takes a run', async () => {
    const { code } = await site.leat('start', site.file, '--run', 'r1', ...flags);
    return code === 0;
  });
  const started = new Supervisor(ONE_OR_TWO, (role) => site.replica(role));
  supervisor = started;
  await site.untilSaved(100, 'r1', 'steady');
  return { cluster, site, supervisor: started, run: 'r1' };
}

/** The run ends, with everything in its place. */
async function expectExact(
  { site, supervisor: started, run }: Scene,
  count: number,
): Promise<void> {
  await site.letGo();
  await site.untilSaved(count / 20, run, 'steady');
  const hasEnded = async (): Promise<boolean> => (await site.report(run)).state !== 'running';
  await until('the run has ended', hasEnded, DEADLINE_MS);
  expect(await started.stop()).toEqual([]);
  const report = await site.report(run);
  expect(report).toMatchObject({ state: 'completed', records: { in: count, saved: count } });
  expectBalance(report);
  expect(await site.verify(run)).toMatchObject({ code: 0 });
  expectSquares(await site.exported(run), count);
}

test('the leaders of a queue and of the bucket are killed, and others follow them', async () => {
  const count = 12_000;
  const scene = await begin(count);
  for (const stream of ['leat_steady_squares', 'KV_leat_steady']) {
    expect(await scene.site.report(scene.run)).toMatchObject({ state: 'running' });
    const { name, server } = await scene.cluster.leaderOf(stream);
    await server.kill('SIGKILL');
    const successor = await scene.cluster.leaderOf(stream);
    process.stdout.write(
      `cluster: ${name}, which led ${stream}, is dead; ${successor.name} follows\n`,
    );
    expect(successor.name).not.toBe(name);
    await server.restart();
    await scene.cluster.untilCurrent();
  }
  await expectExact(scene, count);
});

test('each server is asked to leave, in turn, and started again', async () => {
  const count = 12_000;
  const scene = await begin(count);
  for (const { name, server } of scene.cluster.nodes) {
    expect(await scene.site.report(scene.run)).toMatchObject({ state: 'running' });
    process.stdout.write(`cluster: ${name} leaves\n`);
    await server.kill('SIGUSR2'); // nats-server --signal ldm
    await server.restart();
    await scene.cluster.untilCurrent();
  }
  await expectExact(scene, count);
});

test('a message waits until a quorum is back, however often it is repeated meanwhile', async () => {
  const cluster = await startCluster();
  let opened: OpenPipeline | undefined;
  const spec = lineSpec('quorum');
  await until('the cluster takes a pipeline', async () => {
    opened = await openPipeline(cluster, spec, { replicas: 3 }).catch(() => undefined);
    return opened !== undefined;
  });
  const leader = await cluster.leaderOf('leat_quorum_work');
  const { connection } = await openPipeline(leader.server, spec, { replicas: 3 });
  const observer = await connect({ servers: leader.server.url });
  onTestFinished(() => observer.close());
  let sendings = 0;
  observer.subscribe('leat.v1.quorum.work.*', { callback: () => void sendings++ });
  await observer.flush();

  const followers = cluster.nodes.filter((node) => node !== leader);
  for (const { server } of followers) process.kill(server.pid, 'SIGSTOP');
  const sent = connection.queues.send('work', envelopeOf(1), bodyOf(), NEVER);
  const settled = sent.then(
    () => true,
    () => true,
  );
  await Promise.race([settled, until('it is sent again, twice', () => sendings >= 3)]);
  for (const { server } of followers) process.kill(server.pid, 'SIGCONT');
  await sent;
  await cluster.untilCurrent();
  const { state } = await connection.manager.streams.info('leat_quorum_work');
  expect(state.messages).toBe(1);
});
