import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { Cluster, whyNoCluster } from './cluster.ts';
import { COMPONENTS } from './components.ts';
import { lagOf, type Trigger } from './keda.ts';
import { Outside } from './outside.ts';

/** Where the overlay looks for NATS: an example, which the pods are told the addresses of. */
const HOST = 'nats.example.com';

const lack = await whyNoCluster();
if (lack !== undefined) process.stderr.write(`production: not run, ${lack}\n`);

interface ScaledObject {
  readonly spec: { readonly triggers: readonly { readonly metadata: Trigger }[] };
}

describe.skipIf(lack !== undefined)('production, with NATS and a database outside', () => {
  let cluster: Cluster;
  let outside: Outside;
  beforeAll(async () => {
    cluster = await Cluster.start();
    outside = await Outside.start(HOST, await cluster.sandbox.connect(4));
    await cluster.plane.apply(await readFile(join(COMPONENTS, 'keda-crds.yaml'), 'utf8'));
  });
  afterAll(async () => {
    await outside?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('a run comes through whole, though a NATS server and both fetchers are killed', async () => {
    const secret = ['create', 'secret', 'generic'];
    const files = ['leat.creds', 'ca.crt'].map((name) => `--from-file=${join(outside.dir, name)}`);
    await cluster.plane.kubectl('create', 'namespace', 'leat');
    await cluster.kubectl(...secret, 'leat', `--from-literal=DATABASE_URL=${outside.databaseUrl}`);
    await cluster.kubectl(...secret, 'leat-nats', ...files);
    const hosts = outside.addresses.map((ip) => ({ ip, hostnames: [HOST] }));
    const change = (target: object, op: string, path: string, value: unknown): object => ({
      target,
      patch: JSON.stringify([{ op, path: `/spec/${path}`, value }]),
    });
    await cluster.apply('prod', {
      patches: [
        change({ kind: 'Deployment' }, 'add', 'template/spec/hostAliases', hosts),
        // So little of a core that the run is still under way when the fetchers are killed.
        change(
          { kind: 'Deployment', name: 'mapper' },
          'replace',
          'template/spec/containers/0/resources',
          { limits: { cpu: '400m', memory: '1Gi' } },
        ),
        change(
          { kind: 'ScaledObject' },
          'replace',
          'triggers/0/metadata/account',
          outside.account.publicKey,
        ),
      ],
    });
    await cluster.rolledOut();

    // Nobody maps, so what is in flight is on the queue, and KEDA would see it.
    await cluster.kubectl('scale', 'deployment/mapper', '--replicas=0');
    await cluster.leat('start', 'cities/pipeline.ts', '--run', 'prod', '--param', 'sink=postgres');
    const { spec } = await cluster.plane.get<ScaledObject>('scaledobject/mapper', '-n=leat');
    const trigger = spec.triggers[0]?.metadata;
    if (trigger === undefined) throw new TypeError('the ScaledObject has no trigger');
    expect(trigger.natsServerMonitoringEndpoint).toBe(`${HOST}:8222`);
    const here = { ...trigger, natsServerMonitoringEndpoint: `${outside.addresses[0]}:8222` };
    await until(
      'KEDA sees all that is in flight',
      async () => {
        const { chunks } = await cluster.reportOf('prod');
        if (chunks.inFlight <= 20) return false;
        const { lag, copies } = await lagOf(here);
        return lag === chunks.inFlight && copies === 3;
      },
      120_000,
    );
    await expect(lagOf({ ...here, account: '$G' })).rejects.toThrow('there is no account $G');

    await cluster.kubectl('scale', 'deployment/mapper', '--replicas=1');
    await cluster.untilSaved('prod', 100);
    await outside.killServer(0);
    const fetchers = '--selector=app.kubernetes.io/component=fetcher';
    await cluster.kubectl('delete', 'pods', fetchers, '--force', '--grace-period=0');
    const killedAt = Date.now();
    const report = await cluster.ended('prod');
    expect(Date.parse(report.endedAt ?? '')).toBeGreaterThan(killedAt);
    expect(report).toMatchObject({
      state: 'completed',
      records: { in: 171_075, saved: 171_075, filtered: 0, dead: 0 },
    });
    const exported = (await cluster.leat('export', 'prod', 'cities/pipeline.ts')).split('\n');
    expect(exported).toHaveLength(171_075);
  });
});
