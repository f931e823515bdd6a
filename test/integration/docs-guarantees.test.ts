import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const PAGE = new URL('../../docs/guarantees.md', import.meta.url);

/** A test on the page: a link to its file, and its name; or what a planted bug is called. */
const EVIDENCE = /\]\((\.\.\/[^)]+\.ts)\):\s+"([^"]+)"/g;

test('every test that the guarantees name is there', async () => {
  const page = await readFile(PAGE, 'utf8');
  const missing: string[] = [];
  for (const [, file = '', wrapped = ''] of page.matchAll(EVIDENCE)) {
    const name = wrapped.replaceAll(/\s+/g, ' ');
    const code = await readFile(new URL(file, PAGE), 'utf8');
    // A name that is a template may say more behind what the page quotes.
    const isThere = code.includes(`'${name}'`) || code.includes(`\`${name}`);
    if (!isThere) missing.push(`${file}: ${name}`);
  }
  expect(missing).toEqual([]);
});

test('every crash point has a test', async () => {
  const page = await readFile(PAGE, 'utf8');
  const points = page
    .split(/^#### /m)
    .slice(1)
    .map((text) => text.split(/^##/m)[0] ?? '');
  expect(points.length).toBeGreaterThan(30);
  expect(points.filter((point) => point.match(EVIDENCE) === null)).toEqual([]);
});
