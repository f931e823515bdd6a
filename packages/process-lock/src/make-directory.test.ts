import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeDirectory } from './make-directory.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'leat-directory-'));
  await writeFile(join(dir, 'file'), '');
  await symlink('nowhere', join(dir, 'dangling'));
});
afterAll(() => rm(dir, { recursive: true }));

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

test('directories are made as far as they are absent, by many at once', async () => {
  const path = join(dir, 'a', 'b', 'c');
  await Promise.all(Array.from({ length: 8 }, () => makeDirectory(path, 0o700)));
  await makeDirectory(path);
  await makeDirectory('/');
  expect([await modeOf(path), await modeOf(join(dir, 'a'))]).toEqual([0o700, 0o700]);
});

test.each([
  ['file', 'EEXIST'],
  [join('file', 'a', 'b'), 'ENOTDIR'],
  ['dangling', 'EEXIST'],
  [join('dangling', 'a'), 'EEXIST'],
])('%s cannot be one', async (name, code) => {
  await expect(makeDirectory(join(dir, name))).rejects.toMatchObject({ code });
});

test.skipIf(!existsSync('/proc/1')).each(['/proc/1/x', '/proc/x', '/proc/x/y/z'])(
  'a file system that makes none is no endless wait: %s',
  async (path) => {
    await expect(makeDirectory(path)).rejects.toMatchObject({
      code: expect.stringMatching(/EINVAL|EACCES/),
    });
  },
);
