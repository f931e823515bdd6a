import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/pages.ts';

/** Where the code stands that the page shows; all of it runs in the suites. */
const SHOWN = [
  'examples/hello/pipeline.test.ts',
  'examples/own-connectors/contract.test.ts',
  'examples/own-connectors/days.ts',
  'examples/own-connectors/memory-sink.ts',
  'packages/testing/src/pipeline/test-pipeline.test.ts',
  'test/simulation/users-pipeline.test.ts',
];

test('the page about tests shows code that runs', async () => {
  const page = await readFile(join(ROOT, 'docs/testing.md'), 'utf8');
  const files = await Promise.all(SHOWN.map((file) => readFile(join(ROOT, file), 'utf8')));
  const shown = [...page.matchAll(/```ts\n([^]*?)```/g)].map(([, code = '']) => flat(code));
  expect(shown).toHaveLength(6);
  const texts = files.map(flat);
  expect(shown.filter((code) => !texts.some((text) => text.includes(code)))).toEqual([]);
});

/** Without its indentation. */
function flat(code: string): string {
  return code.replaceAll(/^\s+/gm, '');
}
