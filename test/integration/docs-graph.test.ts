import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { graphText } from '@leat/core';
import { loadPipeline } from '@leat/runtime';
import { expect, test } from 'vitest';
import { ROOT } from '../support/pages.ts';

const PAGE = join(ROOT, 'examples/graphs/README.md');

test('the examples of graphs have the drawing that leat graph prints; "pnpm run docs" writes it', async () => {
  const page = await readFile(PAGE, 'utf8');
  const between = /(?<=```mermaid\n)[^]*?(?=```)/;
  expect(page).toMatch(between);
  const { spec } = await loadPipeline(join(ROOT, 'examples/graphs/condition.ts'));
  const drawn = page.replace(between, () => graphText(spec, 'mermaid'));
  await expect(drawn).toMatchFileSnapshot(PAGE);
});
