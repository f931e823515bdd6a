import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { leat } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';

test('leat init writes a project into the current folder, once', async () => {
  await using dir = await tempDir();
  const cwd = join(dir.path, 'orders');
  await mkdir(cwd);
  expect(await leat(['init'], { cwd })).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/^The project orders is written\. Next:\n\n {2}p?npm install\n/),
  });
  const files = await readdir(cwd);
  expect(files).toEqual(expect.arrayContaining(['.gitignore', 'Dockerfile', 'k8s', 'src', 'test']));
  const source = await readFile(join(cwd, 'src', 'pipeline.ts'), 'utf8');
  expect(source).toContain("export default pipeline('orders', ");

  const again = await leat(['init'], { cwd });
  expect(again).toMatchObject({ code: 2, stdout: '' });
  expect(again.stderr).toMatch(/^leat: .*already has .*src.*: name a new folder, or [^\n]+\n$/);
});

test('leat init writes a project into the folder that is named', async () => {
  await using dir = await tempDir();
  const ended = await leat(['init', 'orders'], { cwd: dir.path });
  expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining('\n  cd orders\n') });
  expect(await readdir(dir.path)).toEqual(['orders']);
  expect(await readdir(join(dir.path, 'orders'))).toContain('package.json');
});

test('leat init says what to do when the name of the folder cannot be that of a project', async () => {
  await using dir = await tempDir();
  const cwd = join(dir.path, 'My Orders');
  await mkdir(cwd);
  const ended = await leat(['init'], { cwd });
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stderr).toMatch(
    /^leat: .*"My Orders": name another folder, or rename this one\.\n$/,
  );
  expect(await readdir(cwd)).toEqual([]);
});
