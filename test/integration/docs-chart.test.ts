import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { chartSchema } from '../../packages/cli/src/chart-schema.ts';
import { SETTINGS } from '../../packages/cli/src/settings.ts';

const CHART = fileURLToPath(new URL('../../helm/leat/', import.meta.url));

test('the chart refuses what the settings refuse; "pnpm run docs" writes its schema', async () => {
  const schema = `${JSON.stringify(chartSchema(SETTINGS), null, 2)}\n`;
  await expect(schema).toMatchFileSnapshot(`${CHART}values.schema.json`);
});

test('the version of the chart is that of the packages', async () => {
  const cli = JSON.parse(
    await readFile(new URL('../../packages/cli/package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  const chart = await readFile(`${CHART}Chart.yaml`, 'utf8');
  expect(chart).toContain(`\nversion: ${cli.version}\nappVersion: ${cli.version}\n`);
});
