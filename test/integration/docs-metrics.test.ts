import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { METRICS } from '../../packages/host/src/metrics/metrics.ts';
import { metricsTable } from '../../scripts/docs/metrics-table.ts';

const PAGE = fileURLToPath(new URL('../../docs/metrics.md', import.meta.url));

test('the page of metrics has them as they are; "pnpm run docs" writes them', async () => {
  const page = await readFile(PAGE, 'utf8');
  const between = /(?<=<!-- metrics -->\n\n)[^]*?(?=\n<!-- end of metrics -->)/;
  expect(page).toMatch(between);
  await expect(page.replace(between, () => metricsTable(METRICS))).toMatchFileSnapshot(PAGE);
});
