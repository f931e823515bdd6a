import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { streamName } from '@leat/core';
import { expect, test } from 'vitest';
import { chartSchema } from '../../scripts/docs/chart-schema.ts';
import { SETTINGS } from '../../packages/cli/src/settings.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const read = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8');

/** The compose file, and every file below `k8s` and `helm`. */
async function deployments(): Promise<string[]> {
  const files = ['compose.yaml'];
  for (const folder of ['k8s', 'helm']) {
    const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true });
    const found = entries.filter((entry) => entry.isFile());
    files.push(...found.map(({ parentPath, name }) => join(parentPath, name).slice(ROOT.length)));
  }
  return files;
}

test('the chart refuses what the settings refuse; "pnpm run docs" writes its schema', async () => {
  const schema = `${JSON.stringify(chartSchema(SETTINGS), null, 2)}\n`;
  await expect(schema).toMatchFileSnapshot(join(ROOT, 'helm/leat/values.schema.json'));
});

test('the alerts of chart and manifests are the same; "pnpm run docs" writes those of the manifests', async () => {
  const rules = await read('helm/leat/alerts/leat.yaml');
  const [, groups = ''] = /^(?:#.*\n)+([^]+)$/.exec(rules) ?? [];
  const manifest = `# Written by "pnpm run docs" from helm/leat/alerts/leat.yaml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: leat
spec:
${groups.replaceAll(/^(?=.)/gm, '  ')}`;
  await expect(manifest).toMatchFileSnapshot(join(ROOT, 'k8s/components/monitoring/alerts.yaml'));
});

test('chart, manifests and compose file name settings that there are', async () => {
  const known = new Set(Object.values(SETTINGS).map(({ variable }) => variable));
  const unknown: string[] = [];
  let count = 0;
  for (const file of await deployments()) {
    for (const [name] of (await read(file)).matchAll(/\b(?:LEAT|NATS)_[A-Z_]+\b/g)) {
      count++;
      if (!known.has(name)) unknown.push(`${file}: ${name}`);
    }
  }
  expect(count).toBeGreaterThan(20);
  expect(unknown).toEqual([]);
});

test('the image answers probes on all its addresses, since they come from outside', async () => {
  const { variable } = SETTINGS.httpHost;
  expect(await read('Dockerfile')).toContain(`\nENV ${variable}=::\n`);
});

test('chart, manifests and compose file have the version of the packages', async () => {
  const { version } = JSON.parse(await read('packages/cli/package.json')) as { version: string };
  const chart = await read('helm/leat/Chart.yaml');
  expect(chart).toContain(`\nversion: ${version}\nappVersion: ${version}\n`);
  expect(await read('k8s/base/kustomization.yaml')).toContain(`newTag: ${version}\n`);
  expect(await read('compose.yaml')).toContain(`image: leat:${version}\n`);
});

test('KEDA looks at the queue that the mappers pull from', async () => {
  const manifest = await read('k8s/components/keda/mapper.yaml');
  expect(manifest).toContain(`stream: ${streamName('cities', 'places')}\n`);
  expect(manifest).toContain('consumer: places\n');
});
