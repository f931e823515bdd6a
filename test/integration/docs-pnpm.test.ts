import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../support/command.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Lines of the repository's files, with their places. */
async function linesWith(pattern: string): Promise<string[]> {
  const args = ['grep', '--line-number', '-I', '-E', pattern, '--', ':!pnpm-lock.yaml'];
  return (await run('git', args, { cwd: ROOT })).trimEnd().split('\n');
}

test('pnpm is started in one way, which never asks: "npx -y", and an exact version', async () => {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const { packageManager } = JSON.parse(text) as { readonly packageManager: string };
  expect(packageManager).toMatch(/^pnpm@\d+\.\d+\.\d+$/);
  const lines = await linesWith('pnpm@[0-9]');
  expect(lines.length).toBeGreaterThan(30);
  expect(lines.filter((line) => line.replaceAll(packageManager, '').includes('pnpm@'))).toEqual([]);
  const asking = await linesWith('npx ');
  expect(asking.filter((line) => /npx (?!-y )[^`]*pnpm/.test(line))).toEqual([]);
});
