import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
let snippets: readonly { readonly language: string; readonly text: string }[];

beforeAll(async () => {
  // Inside the repository, so that they find its packages.
  folder = await mkdtemp(join(ROOT, 'test', '.embedding-'));
  const page = await readFile(join(ROOT, 'docs', 'embedding.md'), 'utf8');
  snippets = [...page.matchAll(/```(ts|js)\n([^]*?)```/g)].map(([, language = '', text = '']) => ({
    language,
    text,
  }));
  const pipeline = await readFile(join(ROOT, 'examples/hello/pipeline.ts'), 'utf8');
  await writeFile(join(folder, 'pipeline.ts'), pipeline);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('its snippets in TypeScript compile', async () => {
  const typed = snippets.filter(({ language }) => language === 'ts');
  expect(typed).toHaveLength(3);
  for (const [place, { text }] of typed.entries()) {
    await writeFile(join(folder, `snippet-${place}.ts`), text);
  }
  const extended = { extends: '../../tsconfig.test.json', include: ['*.ts'], exclude: [] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(extended));
  await run('npx', ['tsc', '-p', folder], { cwd: ROOT });
});

test('those that need no server run', async () => {
  const [whole, , given, required] = snippets.map(({ text }) => text);
  const home = join(folder, 'home');
  await mkdir(home);
  await copyFile(join(folder, 'pipeline.ts'), join(home, 'pipeline.ts'));
  const programs = [
    ['whole.mjs', whole, 'completed 1000\n'],
    ['given.mjs', given, ''],
    ['required.cjs', required, 'completed\n'],
  ] as const;
  for (const [name, text = '', prints] of programs) {
    await writeFile(join(home, name), text);
    const { stdout } = await run(process.execPath, [name], { cwd: home });
    expect({ name, stdout }).toEqual({ name, stdout: prints });
  }
  expect(await readdir(join(home, 'out'))).toHaveLength(2);
});
