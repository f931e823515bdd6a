import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNatsServer } from '@leat/nats-server';
import { expect, test } from 'vitest';
import { newUser } from './user.ts';

const PROGRAMS = fileURLToPath(new URL('programs', import.meta.url));

test('npm create leat, npm run dev, npm test; a program calls it, also from CommonJS', async () => {
  await using user = await newUser();
  const written = await user.types('npm create --yes leat@latest my-pipeline');
  expect(written).toContain('cd my-pipeline\n  npm install\n  npm run dev');
  const project = { in: 'my-pipeline' };
  await user.types('npm install', project);

  expect(await user.types('npm run dev', project)).toMatch(
    /state +completed\n[^]*500 in = 500 saved/,
  );
  expect(await user.types('npm test', project)).toContain('3 passed');
  await user.types('npm run check', project);

  await cp(PROGRAMS, join(user.folder, 'my-pipeline'), { recursive: true });
  expect(JSON.parse(await user.types('node whole-run.cjs', project))).toMatchObject({
    state: 'completed',
    records: { in: 500, saved: 500 },
  });
  await using server = await startNatsServer();
  const said = await user.types(`NATS_URL=${server.url} node client.mjs`, project);
  expect(said.trim().split('\n')).toEqual(['started', 'paused', 'completed 500']);
});

test('pnpm create leat, pnpm dev, pnpm test', async () => {
  await using user = await newUser();
  const pnpm = 'npx -y pnpm@12.21.0';
  // A folder with a repository in it is as good as an empty one.
  await mkdir(join(user.folder, 'orders', '.git'), { recursive: true });
  expect(await user.types(`${pnpm} create leat orders`)).toContain('pnpm install');
  const project = { in: 'orders' };
  await user.types(`${pnpm} install`, project);
  expect(await user.types(`${pnpm} dev`, project)).toMatch(/500 in = 500 saved/);
  expect(await user.types(`${pnpm} test`, project)).toContain('3 passed');
});

test('leat without the optional drivers is small, and says which one is missing', async () => {
  await using user = await newUser();
  await writeFile(join(user.folder, 'package.json'), '{ "private": true, "type": "module" }');
  await user.types('npm install leat zod');
  const packages = JSON.parse(await readFile(join(user.folder, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, unknown>>;
  };
  const names = Object.keys(packages.packages);
  expect(names).toContain('node_modules/leat');
  expect(names.filter((each) => /pglite|node_modules\/pg$|vitest/.test(each))).toEqual([]);
  expect(await user.types('npx leat --version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(await user.types('npx leat init orders')).toContain('cd orders\n  npm install');
});
