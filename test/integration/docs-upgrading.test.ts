import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FORMATS } from '@leat/core';
import { expect, test } from 'vitest';
import { ROOT } from '../support/pages.ts';

test('the page on upgrading has every format, with the version that is written', async () => {
  const page = await readFile(join(ROOT, 'docs/upgrading.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)];
  expect(Object.fromEntries(rows.map(([, format, version]) => [format, Number(version)]))).toEqual(
    FORMATS,
  );
});
