import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster, whyNoCluster } from './cluster.ts';

const PAGE = new URL('../../docs/kubernetes.md', import.meta.url);
const SLOW = fileURLToPath(new URL('slow.ts', import.meta.url));

const lack = await whyNoCluster();
if (lack !== undefined) process.stderr.write(`pods: not run, ${lack}\n`);

describe.skipIf(lack !== undefined)('a cluster of one node', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start();
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  test('the walk-through goes as it is written', async () => {
    const page = await readFile(PAGE, 'utf8');
    const [, script = ''] = /## Walk-through\n[^]*?```sh\n([^]*?)```/.exec(page) ?? [];
    const said = await cluster.plane.inRepository(script);
    expect(said).toContain('171,075 records in 1,711 chunks, as reported.');
    expect(said).toMatch(/^171075$/m);
  });

  test('the cities come through whole, though a pod of each kind is killed', async () => {
    // So little of a core that the run is still under way when the last pod is killed, on any machine.
    const limit = { op: 'add', path: '/spec/template/spec/containers/0/resources/limits/cpu' };
    const patch = JSON.stringify([{ ...limit, value: '200m' }]);
    const slowly = { patches: [{ target: { kind: 'Deployment', name: 'mapper' }, patch }] };
    await cluster.apply('dev', slowly);
    await cluster.rolledOut();
    const start = ['start', 'cities/pipeline.ts', '--param', 'out=/data/cities'];
    await cluster.leat(...start, '--run', 'killed');
    for (const [at, component] of ['mapper', 'saver', 'fetcher'].entries()) {
      await cluster.untilSaved('killed', 50 + at * 50);
      await cluster.kill(`app.kubernetes.io/component=${component}`);
    }
    const lastKillAt = Date.now();
    await cluster.kill('app.kubernetes.io/name=nats');
    await cluster.apply('dev');
    const killed = await cluster.ended('killed');
    expect(Date.parse(killed.endedAt ?? '')).toBeGreaterThan(lastKillAt);
    await cluster.rolledOut();
    await cluster.leat(...start, '--run', 'undisturbed');
    const { digest } = await cluster.ended('undisturbed');
    expect(killed).toMatchObject({
      state: 'completed',
      records: { in: 171_075, saved: 171_075, filtered: 0, dead: 0 },
      digest,
    });
  });

  test('a pipeline of one’s own: ten mappers are faster than two, and rolling them repeats nothing', async () => {
    const volume = { name: 'mine', configMap: { name: 'mine' } };
    const mount = { name: 'mine', mountPath: '/leat/mine' };
    const patch = JSON.stringify([
      { op: 'add', path: '/spec/template/spec/volumes/-', value: volume },
      { op: 'add', path: '/spec/template/spec/containers/0/volumeMounts/-', value: mount },
    ]);
    const changes = {
      configMapGenerator: [
        { name: 'mine', files: ['pipeline.ts=slow.ts'] },
        { name: 'leat', behavior: 'merge', literals: ['PIPELINE=mine/pipeline.ts'] },
      ],
      patches: [{ target: { kind: 'Deployment' }, patch }],
    };
    await cluster.apply('dev', changes, [SLOW]);
    await cluster.rolledOut();
    await cluster.leat('start', 'mine/pipeline.ts', '--run', 'scaled');
    const saved = async (): Promise<number> => (await cluster.reportOf('scaled')).chunks.saved;
    const rate = async (from: number, chunks: number): Promise<number> => {
      await cluster.untilSaved('scaled', from);
      const [first, startedAt] = [await saved(), performance.now()];
      await cluster.untilSaved('scaled', first + chunks);
      return (((await saved()) - first) * 1_000) / (performance.now() - startedAt);
    };
    const two = await rate(50, 100);
    await cluster.kubectl('scale', 'deployment/mapper', '--replicas=10');
    await cluster.rolledOut();
    const ten = await rate(await saved(), 300);
    process.stderr.write(
      `pods: ${two.toFixed(1)} chunks/s by 2 mappers, ${ten.toFixed(1)} by 10\n`,
    );
    expect(ten).toBeGreaterThan(two * 2);

    await cluster.kubectl('rollout', 'restart', 'deployment/mapper');
    await cluster.rolledOut();
    expect((await cluster.reportOf('scaled')).endedAt).toBeNull();
    expect(await cluster.ended('scaled', 'mine/pipeline.ts')).toMatchObject({
      state: 'completed',
      records: { in: 20_000, saved: 20_000 },
      retries: 0,
      duplicatesIgnored: 0,
    });
  });
});
