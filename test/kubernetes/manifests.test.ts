import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { leat } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import { COMPONENTS, whyNoControlPlane } from './components.ts';
import { ControlPlane } from './control-plane.ts';

const K8S = fileURLToPath(new URL('../../k8s', import.meta.url));

const lack = await whyNoControlPlane();
if (lack !== undefined) process.stderr.write(`manifests: not applied, ${lack}\n`);

interface List {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: Record<string, unknown>;
  }[];
}

interface Monitor {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly endpoints: readonly { readonly port: string }[];
  };
}
interface Services {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly ports: readonly { readonly name: string }[] };
  }[];
}
interface Dashboards {
  readonly items: readonly { readonly data: Readonly<Record<string, string>> }[];
}

describe.skipIf(lack !== undefined)('the manifests, on a real API server', () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await ControlPlane.start();
    for (const file of ['keda-crds.yaml', 'prometheus-crds.yaml']) {
      await plane.apply(await readFile(join(COMPONENTS, file), 'utf8'));
    }
  });
  afterAll(() => plane?.[Symbol.asyncDispose]());

  const pods = async (role: string): Promise<List['items']> =>
    (await plane.get<List>('pods', '-n=leat', `-l=app.kubernetes.io/component=${role}`)).items;
  const untilPods = (role: string, count: number): Promise<void> =>
    until(`${count} pods of ${role}`, async () => (await pods(role)).length === count);
  /** An overlay of yours: resources of `k8s/`, with one of its components. */
  const composed = async (resource: string, component: string): Promise<string> => {
    await using dir = await tempDir();
    const [resources, components] = [resource, join('components', component)].map((path) => [
      relative(dir.path, join(K8S, path)),
    ]);
    const kustomization = { resources, components, namespace: 'leat' };
    await writeFile(join(dir.path, 'kustomization.yaml'), JSON.stringify(kustomization));
    return await plane.kubectl('kustomize', dir.path);
  };
  /** Applies an overlay, and removes it at the end. */
  const applied = async (manifests: string, namespace = 'leat'): Promise<AsyncDisposable> => {
    await plane.apply(manifests);
    return {
      [Symbol.asyncDispose]: async () => {
        const all = ['pods', '--all', `-n=${namespace}`, '--force', '--grace-period=0'];
        await plane.kubectl('delete', 'namespace', namespace, '--wait=false');
        await plane.kubectl('delete', ...all);
        await plane.kubectl('wait', '--for=delete', `namespace/${namespace}`, '--timeout=120s');
      },
    };
  };

  test('dev is taken as it is; mappers are scaled, and rolled', async () => {
    await using _ = await applied(await plane.kubectl('kustomize', join(K8S, 'overlays/dev')));
    for (const [role, count] of Object.entries({ fetcher: 1, mapper: 2, saver: 1 })) {
      await untilPods(role, count);
    }
    await plane.kubectl('scale', '-n=leat', 'deployment/mapper', '--replicas=10');
    await untilPods('mapper', 10);
    await plane.kubectl('scale', '-n=leat', 'deployment/mapper', '--replicas=2');
    await untilPods('mapper', 2);
    const before = (await pods('mapper')).map(({ metadata }) => metadata.name);
    await plane.kubectl('rollout', 'restart', '-n=leat', 'deployment/mapper');
    // One more than there are: nothing becomes ready here, so none of the old ones has to go.
    await untilPods('mapper', 3);
    expect((await pods('mapper')).map(({ metadata }) => metadata.name)).toEqual(
      expect.arrayContaining(before),
    );
  });

  test('prod is taken as it is, with KEDA', async () => {
    await using _ = await applied(await plane.kubectl('kustomize', join(K8S, 'overlays/prod')));
    for (const role of ['fetcher', 'saver']) await untilPods(role, 2);
    // The one who scales them says how many.
    await untilPods('mapper', 1);
    const { items } = await plane.get<List>('scaledobject', '-n=leat');
    expect(items).toMatchObject([{ metadata: { name: 'mapper' }, spec: { minReplicaCount: 2 } }]);
  });

  test('the HPA is the alternative', async () => {
    await using _ = await applied(await composed('base', 'hpa'));
    const { items } = await plane.get<List>('hpa', '-n=leat');
    expect(items).toMatchObject([{ spec: { minReplicas: 2, maxReplicas: 20 } }]);
  });

  test('those of a new project are taken as they are', async () => {
    await using dir = await tempDir();
    expect(await leat(['init', 'orders'], { cwd: dir.path })).toMatchObject({ code: 0 });
    const manifests = await plane.kubectl('kustomize', join(dir.path, 'orders', 'k8s'));
    await using _ = await applied(manifests, 'orders');
    for (const [app, count] of Object.entries({ fetcher: 1, mapper: 2, saver: 1, nats: 1 })) {
      await until(`${count} pods of ${app}`, async () => {
        const { items } = await plane.get<List>('pods', '-n=orders', `--selector=app=${app}`);
        return items.length === count;
      });
    }
  });

  test('Prometheus and Grafana find what they look for', async () => {
    await using _ = await applied(await composed('overlays/dev', 'monitoring'));
    const get = <T>(...args: readonly string[]): Promise<T> => plane.get<T>(...args, '-n=leat');
    const { spec } = await get<Monitor>('servicemonitor/leat');
    const labels = Object.entries(spec.selector.matchLabels).map(
      ([key, value]) => `${key}=${value}`,
    );
    const { items } = await get<Services>('services', `--selector=${labels.join(',')}`);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['fetcher', 'mapper', 'saver']);
    for (const service of items) {
      expect(service.spec.ports.map(({ name }) => name)).toEqual([spec.endpoints[0]?.port]);
    }
    const rules = await get<{ spec: { groups: { rules: unknown[] }[] } }>('prometheusrule/leat');
    expect(rules.spec.groups.flatMap((group) => group.rules)).toHaveLength(4);
    const dashboards = await get<Dashboards>('configmaps', '--selector=grafana_dashboard=1');
    expect(dashboards.items).toMatchObject([{ metadata: { name: 'leat-dashboard' } }]);
    const file = new URL('../../helm/leat/dashboards/leat.json', import.meta.url);
    expect(dashboards.items[0]?.data['leat.json']).toBe(await readFile(file, 'utf8'));
  });

  test('what is misspelt, or asks for more rights, is refused', async () => {
    const dev = await plane.kubectl('kustomize', join(K8S, 'overlays/dev'));
    await expect(plane.apply(dev.replaceAll('readinessProbe:', 'readynessProbe:'))).rejects.toThrow(
      /unknown field|field not declared in schema/,
    );
    await using _ = await applied(dev.replaceAll('runAsNonRoot: true', 'runAsNonRoot: false'));
    await until('no pod of the kind gets in', async () => {
      const events = await plane.kubectl('get', 'events', '-n=leat');
      return /violates PodSecurity "restricted:latest": runAsNonRoot != true/.test(events);
    });
    expect(await pods('mapper')).toEqual([]);
  });
});
