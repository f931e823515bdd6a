import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newProject } from './new-project.ts';
import { nextSteps } from './next-steps.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'create-leat-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const filesOf = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true })).toSorted();

test('a project has every file of the template, with its name and no place left to fill in', async () => {
  const { folder, name } = await newProject(join(home, 'my-pipeline'));
  expect(name).toBe('my-pipeline');
  const files = await filesOf(folder);
  expect(files).toContain('.gitignore');
  expect(files).toContain('.dockerignore');
  expect(files).toContain(join('src', 'pipeline.ts'));
  for (const file of files.filter((each) => /\.\w+$|Dockerfile/.test(each))) {
    expect(await readFile(join(folder, file), 'utf8')).not.toMatch(/\{\s*\{/);
  }
  for (const file of ['kustomization.yaml', 'namespace.yaml']) {
    expect(await readFile(join(folder, 'k8s', file), 'utf8')).toMatch(/: 'my-pipeline'$/m);
  }
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as unknown;
  expect(manifest).toMatchObject({
    name: 'my-pipeline',
    dependencies: { leat: expect.stringMatching(/^\^\d/) },
  });
});

test('a folder that has nothing of a project is as good as a new one', async () => {
  await mkdir(join(home, 'orders', '.git'), { recursive: true });
  await writeFile(join(home, 'orders', 'LICENSE'), 'mine');
  await newProject(join(home, 'orders'));
  expect(await readFile(join(home, 'orders', 'LICENSE'), 'utf8')).toBe('mine');
});

test('files that are there are left alone, and named', async () => {
  await mkdir(join(home, 'orders', 'src'), { recursive: true });
  await writeFile(join(home, 'orders', '.gitignore'), 'mine');
  await expect(newProject(join(home, 'orders'))).rejects.toThrow(/already has .*\.gitignore, src/);
  expect(await filesOf(join(home, 'orders'))).toEqual(['.gitignore', 'src']);
});

test.each(['My Pipeline', '9lives', 'a--b', 'x'.repeat(33)])(
  'the name %j is refused before anything is written',
  async (name) => {
    await expect(newProject(join(home, name))).rejects.toThrow(
      /small letters.*: name another folder/,
    );
    expect(await filesOf(home)).toEqual([]);
  },
);

test('a folder that cannot be written into is refused with the reason', async () => {
  const folder = join(home, 'x'.repeat(300), 'orders');
  await expect(newProject(folder)).rejects.toThrow(/cannot be written into .*ENAMETOOLONG/);
  await writeFile(join(home, 'orders'), 'a file');
  await expect(newProject(join(home, 'orders'))).rejects.toThrow(/orders is a file: name a folder/);
});

test.each([
  ['pnpm/12.21.0 npm/? node/v24', 'pnpm install', 'pnpm dev'],
  ['npm/11.0.0 node/v24', 'npm install', 'npm run dev'],
  [undefined, 'npm install', 'npm run dev'],
])('the next steps are those of the package manager %j', (agent, install, dev) => {
  const steps = nextSteps({ folder: join(process.cwd(), 'orders'), name: 'orders' }, agent);
  expect(steps).toContain(`  cd orders\n  ${install}\n  ${dev} `);
});
