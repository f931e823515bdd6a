import { fileURLToPath } from 'node:url';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { COMPONENTS, whyNoControlPlane } from './components.ts';
import { ControlPlane } from './control-plane.ts';

const CHART = fileURLToPath(new URL('../../helm/leat', import.meta.url));
const DEV = fileURLToPath(new URL('../../k8s/overlays/dev', import.meta.url));
const NAMESPACE = 'shop';

const lack = await whyNoControlPlane();
if (lack !== undefined) process.stderr.write(`the chart: not installed, ${lack}\n`);

interface Deployments {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: {
      readonly replicas: number;
      readonly template: {
        readonly spec: {
          readonly containers: readonly {
            readonly args: readonly string[];
            readonly envFrom: unknown;
          }[];
          readonly securityContext: unknown;
          readonly terminationGracePeriodSeconds: number;
        };
      };
    };
  }[];
}

/** What a workload does, whatever it and its parts are called. */
function essenceOf({ metadata, spec }: Deployments['items'][number]): unknown {
  const { containers, securityContext, terminationGracePeriodSeconds } = spec.template.spec;
  return {
    name: metadata.name.replace('leat-', ''),
    replicas: spec.replicas,
    containers: containers.map((container) => ({ ...container, envFrom: undefined })),
    securityContext,
    terminationGracePeriodSeconds,
  };
}

const EXTERNAL = ['nats.external.enabled=true', 'nats.external.host=nats.example.com'];

const MATRIX: readonly {
  readonly what: string;
  readonly values: readonly string[];
  readonly has: readonly RegExp[];
  readonly hasNot?: readonly RegExp[];
}[] = [
  {
    what: 'nothing said: all in one cluster',
    values: [],
    has: [
      /kind: StatefulSet/,
      /NATS_URL: "nats:\/\/leat-nats:4222"/,
      /LEAT_STREAM_REPLICAS: "1"/,
      /grafana_dashboard: "1"/,
    ],
    hasNot: [/HorizontalPodAutoscaler/, /ScaledObject/, /ServiceMonitor/, /PrometheusRule/],
  },
  {
    what: 'all savers are inline: the volume is where the mappers are',
    values: ['saver.replicas=0'],
    has: [/values: \["fetcher","mapper"\]/],
    hasNot: [/values: \["fetcher","saver"\]/],
  },
  {
    what: 'a NATS of yours, with TLS and credentials, and a database',
    values: [
      ...EXTERNAL,
      'nats.external.tls=true',
      'nats.streamReplication=3',
      'nats.credentials.secret=leat-nats',
      'nats.credentials.creds=leat.creds',
      'nats.credentials.ca=ca.crt',
      'secret=leat',
      'data.enabled=false',
    ],
    has: [
      /NATS_URL: "tls:\/\/nats.example.com:4222"/,
      /NATS_CREDS: "\/etc\/leat\/nats\/leat.creds"/,
      /NATS_CA: "\/etc\/leat\/nats\/ca.crt"/,
      /LEAT_STREAM_REPLICAS: "3"/,
    ],
    hasNot: [/kind: StatefulSet/, /kind: PersistentVolumeClaim/, /NATS_KEY/],
  },
  {
    what: 'mappers by load',
    values: ['mapper.autoscaling.by=cpu', 'mapper.autoscaling.maxReplicas=7'],
    has: [/kind: HorizontalPodAutoscaler/, /maxReplicas: 7/],
  },
  {
    what: 'mappers by lag, each with a Deployment of its own',
    values: ['mapper.autoscaling.by=lag', 'mapper.stages.places.resources.requests.cpu=1'],
    has: [/kind: ScaledObject/, /stream: leat_cities_places/, /--stage=places/],
  },
  {
    what: 'what services measure is scraped and watched',
    values: [
      'metrics.serviceMonitor.enabled=true',
      'metrics.serviceMonitor.labels.release=prometheus',
      'metrics.alerts.enabled=true',
      'metrics.dashboard.enabled=false',
    ],
    has: [/kind: ServiceMonitor/, /release: prometheus/, /alert: LeatNoActiveFetcher/],
    hasNot: [/"title": "Leat"/],
  },
  {
    what: 'other limits, logs for people, no network policy, a long grace',
    values: [
      'queues.maxBytes=1073741824',
      'logs.format=console',
      'networkPolicy.enabled=false',
      'terminationGracePeriodSeconds=600',
    ],
    has: [
      /LEAT_QUEUE_MAX_BYTES: "1073741824"/,
      /LEAT_LOG_FORMAT: "console"/,
      /LEAT_STOP_GRACE_MS: "595000"/,
    ],
    hasNot: [/kind: NetworkPolicy/],
  },
];

const WRONG: readonly { readonly value: string; readonly says: RegExp }[] = [
  { value: 'logs.format=xml', says: /value must be one of 'console', 'json'/ },
  { value: 'nats.streamReplication=0', says: /\/nats\/streamReplication.*minimum: got 0, want 1/ },
  { value: 'nats.streamReplication=three', says: /got string, want integer/ },
  { value: 'tracing.otlpEndpoint=host:4318', says: /\/tracing\/otlpEndpoint.*pattern/ },
  { value: 'queues.maxchunks=1', says: /additional properties 'maxchunks' not allowed/ },
  { value: 'nats.external.enabled=true', says: /\/nats\/external\/host.*minLength/ },
  { value: 'mapper.autoscaling.by=lag', says: /\/mapper\/stages.*minProperties: got 0, want 1/ },
  {
    value: 'metrics.alerts.labels.a=1',
    says: /\/metrics\/alerts\/labels\/a.*got number, want string/,
  },
  { value: 'mapper.stages.Places.replicas=1', says: /'Places' does not match pattern/ },
];

describe.skipIf(lack !== undefined)('the chart, on a real API server', () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await ControlPlane.start();
    for (const file of ['keda-crds.yaml', 'prometheus-crds.yaml']) {
      await plane.apply(await readFile(join(COMPONENTS, file), 'utf8'));
    }
    await plane.kubectl('create', 'namespace', NAMESPACE);
    const level = 'pod-security.kubernetes.io/enforce=restricted';
    await plane.kubectl('label', 'namespace', NAMESPACE, level);
  });
  afterAll(() => plane?.[Symbol.asyncDispose]());

  const sets = (values: readonly string[]): string[] => values.map((value) => `--set=${value}`);
  const deployments = async (): Promise<Deployments['items']> =>
    (await plane.get<Deployments>('deployments', `-n=${NAMESPACE}`)).items;

  test.each(MATRIX)('$what', async ({ values, has, hasNot = [] }) => {
    const given = sets(values);
    expect(await plane.helm('lint', '--strict', CHART, ...given)).toContain('0 chart(s) failed');
    const where = [`--namespace=${NAMESPACE}`, 'leat', CHART];
    const rendered = await plane.helm('template', ...where, ...given);
    for (const pattern of has) expect(rendered).toMatch(pattern);
    for (const pattern of hasNot) expect(rendered).not.toMatch(pattern);
    const dry = await plane.helm('install', '--dry-run=server', ...where, ...given);
    expect(dry).toContain('leat start cities/pipeline.ts');
    await plane.apply(rendered, '--dry-run=server', `--namespace=${NAMESPACE}`);
    await plane.helm('install', ...where, ...given);
    for (const { metadata, spec } of await deployments()) {
      await until(`pods of ${metadata.name}`, async () => {
        const text = await plane.kubectl('get', 'pods', `-n=${NAMESPACE}`, '--output=name');
        const found = text.split('\n').filter((name) => name.includes(`/${metadata.name}-`));
        return found.length >= spec.replicas;
      });
    }
    await plane.helm('uninstall', `--namespace=${NAMESPACE}`, 'leat');
    await until('all pods are gone', async () => {
      const left = await plane.kubectl('get', 'pods', `-n=${NAMESPACE}`, '--output=name');
      return left === '';
    });
  });

  test('an upgrade gives each stage replicas of its own, and scales what is there', async () => {
    const where = [`--namespace=${NAMESPACE}`, 'shop', CHART];
    const mappers = async (): Promise<unknown[]> =>
      (await deployments())
        .filter(({ metadata }) => metadata.name.includes('mapper'))
        .map(({ metadata, spec }) => [
          metadata.name,
          spec.replicas,
          spec.template.spec.containers[0]?.args.slice(2),
        ]);
    await plane.helm('install', ...where);
    expect(await mappers()).toEqual([['shop-leat-mapper', 2, []]]);
    await plane.helm('upgrade', ...where, '--set=mapper.replicas=10');
    expect(await mappers()).toEqual([['shop-leat-mapper', 10, []]]);
    const stages = ['mapper.stages.places.replicas=4', 'mapper.stages.names.resources.limits=null'];
    await plane.helm('upgrade', ...where, ...sets(stages));
    expect(await mappers()).toEqual([
      ['shop-leat-mapper-names', 2, ['--stage=names']],
      ['shop-leat-mapper-places', 4, ['--stage=places']],
    ]);
    await plane.helm('uninstall', `--namespace=${NAMESPACE}`, 'shop');
  });

  test('it has what the overlay for development has', async () => {
    await plane.apply(await plane.kubectl('kustomize', DEV));
    await plane.helm('install', `--namespace=${NAMESPACE}`, 'leat', CHART);
    const [ours, theirs] = await Promise.all(
      ['leat', NAMESPACE].map(async (namespace) => {
        const all = await plane.get<Deployments>('deployments,statefulsets', `-n=${namespace}`);
        return all.items.map(essenceOf);
      }),
    );
    expect(ours).toHaveLength(4);
    expect(theirs).toEqual(ours);
    await plane.helm('uninstall', `--namespace=${NAMESPACE}`, 'leat');
  });

  test.each(WRONG)('$value is refused by name', async ({ value, says }) => {
    const attempt = plane.helm('template', 'leat', CHART, `--set=${value}`);
    await expect(attempt).rejects.toThrow(says);
  });
});
