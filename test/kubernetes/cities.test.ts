import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunReport } from '@leat/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  buildLeatImage,
  buildNatsImage,
  LEAT_IMAGE,
  NATS_IMAGE,
  whyNoDocker,
} from '../containers/image.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import { whyNoControlPlane, whyNoNode } from './components.ts';
import { ControlPlane } from './control-plane.ts';
import { giveVolume, startNode } from './node.ts';
import { Sandbox } from './sandbox.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DEV = join(ROOT, 'k8s/overlays/dev');
const SLOW = fileURLToPath(new URL('slow.ts', import.meta.url));
const DEADLINE_MS = 240_000;

const lack = (await whyNoControlPlane()) ?? (await whyNoNode()) ?? (await whyNoDocker());
if (lack !== undefined) process.stderr.write(`pods: not run, ${lack}\n`);

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  }[];
}

describe.skipIf(lack !== undefined)('a cluster of one node', () => {
  let sandbox: Sandbox;
  let plane: ControlPlane;

  beforeAll(async () => {
    await buildLeatImage();
    await buildNatsImage();
    sandbox = await Sandbox.start();
    plane = await ControlPlane.start(sandbox.prefix);
    await startNode(plane, sandbox, {
      [LEAT_IMAGE]: LEAT_IMAGE,
      [NATS_IMAGE]: 'nats:2.15.2-alpine',
    });
    for (const claim of ['data', 'store-nats-0']) await giveVolume(plane, claim);
  });
  afterAll(async () => {
    // The sandbox first: what a kubelet has mounted goes with it.
    await sandbox?.[Symbol.asyncDispose]();
    await plane?.[Symbol.asyncDispose]();
  });

  const kubectl = (...args: readonly string[]): Promise<string> =>
    plane.kubectl('--namespace=leat', ...args);
  const leat = async (...args: readonly string[]): Promise<string> =>
    (await kubectl('exec', 'deployment/fetcher', '--', 'leat', ...args)).trim();
  const reportOf = async (run: string): Promise<RunReport> =>
    JSON.parse(await leat('status', run, '--json')) as RunReport;
  const untilSaved = (run: string, chunks: number): Promise<void> =>
    until(
      `${chunks} chunks of ${run} are saved`,
      // A fetcher that was killed a moment ago answers nobody.
      () =>
        reportOf(run).then(
          (report) => report.chunks.saved >= chunks,
          () => false,
        ),
      DEADLINE_MS,
    );
  const ended = async (run: string): Promise<RunReport> => {
    await until(
      `${run} has ended`,
      () =>
        reportOf(run).then(
          (report) => report.endedAt !== null,
          () => false,
        ),
      DEADLINE_MS,
    );
    await leat('verify', run);
    return reportOf(run);
  };
  const rolledOut = async (): Promise<void> => {
    for (const each of [
      'statefulset/nats',
      'deployment/fetcher',
      'deployment/mapper',
      'deployment/saver',
    ])
      await kubectl('rollout', 'status', each, '--timeout=240s');
  };
  const podOf = async (selector: string): Promise<string> => {
    const { items } = await plane.get<Pods>('pods', '--namespace=leat', `--selector=${selector}`);
    const living = items.find(({ metadata }) => metadata.deletionTimestamp === undefined);
    return living?.metadata.name ?? '';
  };
  const kill = async (selector: string): Promise<void> => {
    await kubectl('delete', 'pod', await podOf(selector), '--force', '--grace-period=0');
  };
  /** Applies the overlay for development with changes. */
  const apply = async (changes: Readonly<Record<string, unknown>>): Promise<void> => {
    await using dir = await tempDir();
    await copyFile(SLOW, join(dir.path, 'pipeline.ts'));
    const kustomization = {
      namespace: 'leat',
      resources: [relative(dir.path, DEV)],
      ...changes,
    };
    await writeFile(join(dir.path, 'kustomization.yaml'), JSON.stringify(kustomization));
    await plane.kubectl('apply', '--validate=strict', `--kustomize=${dir.path}`);
  };

  test('the walk-through goes as it is written', async () => {
    const page = await readFile(join(ROOT, 'docs/kubernetes.md'), 'utf8');
    const [, script = ''] = /## Walk-through\n[^]*?```sh\n([^]*?)```/.exec(page) ?? [];
    const said = await plane.inRepository(script);
    expect(said).toContain('171,075 records in 1,711 chunks, as reported.');
    expect(said).toMatch(/^171075$/m);
  });

  test('the cities come through whole, though a pod of each kind is killed', async () => {
    await plane.kubectl('apply', '--validate=strict', `--kustomize=${DEV}`);
    await rolledOut();
    await leat('start', 'cities/pipeline.ts', '--run', 'killed', '--param', 'out=/data/cities');
    for (const [at, component] of ['mapper', 'saver', 'fetcher'].entries()) {
      await untilSaved('killed', 50 + at * 100);
      await kill(`app.kubernetes.io/component=${component}`);
    }
    const lastKillAt = Date.now();
    await kill('app.kubernetes.io/name=nats');
    const report = await ended('killed');
    process.stderr.write(`pods: ${JSON.stringify(report)}\n`);
    expect(report).toMatchObject({
      state: 'completed',
      records: { in: 171_075, saved: 171_075, filtered: 0, dead: 0 },
    });
    expect(Date.parse(report.endedAt ?? '')).toBeGreaterThan(lastKillAt);
  });

  test('a pipeline of one’s own: ten mappers are faster than two, and rolling them repeats nothing', async () => {
    const volume = { name: 'mine', configMap: { name: 'mine' } };
    const mount = { name: 'mine', mountPath: '/leat/mine' };
    await apply({
      configMapGenerator: [
        { name: 'mine', files: ['pipeline.ts'] },
        { name: 'leat', behavior: 'merge', literals: ['PIPELINE=mine/pipeline.ts'] },
      ],
      patches: [
        {
          target: { kind: 'Deployment' },
          patch: JSON.stringify([
            { op: 'add', path: '/spec/template/spec/volumes/-', value: volume },
            { op: 'add', path: '/spec/template/spec/containers/0/volumeMounts/-', value: mount },
          ]),
        },
      ],
    });
    await rolledOut();
    await leat('start', 'mine/pipeline.ts', '--run', 'scaled');
    const rate = async (from: number, chunks: number): Promise<number> => {
      await untilSaved('scaled', from);
      const [first, startedAt] = [(await reportOf('scaled')).chunks.saved, performance.now()];
      await untilSaved('scaled', first + chunks);
      const saved = (await reportOf('scaled')).chunks.saved - first;
      return (saved * 1_000) / (performance.now() - startedAt);
    };
    const two = await rate(50, 100);
    await kubectl('scale', 'deployment/mapper', '--replicas=10');
    await rolledOut();
    const ten = await rate((await reportOf('scaled')).chunks.saved, 300);
    process.stderr.write(
      `pods: ${two.toFixed(1)} chunks/s by 2 mappers, ${ten.toFixed(1)} by 10\n`,
    );
    expect(ten).toBeGreaterThan(two * 2);

    await kubectl('rollout', 'restart', 'deployment/mapper');
    await rolledOut();
    expect((await reportOf('scaled')).endedAt).toBeNull();
    const report = await ended('scaled');
    process.stderr.write(`pods: ${JSON.stringify(report)}\n`);
    expect(report).toMatchObject({
      state: 'completed',
      records: { in: 20_000, saved: 20_000 },
      retries: 0,
      duplicatesIgnored: 0,
    });
  });
});
