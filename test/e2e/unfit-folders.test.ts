import { chmod, chown, copyFile, mkdir, rmdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findNatsServer } from '@leat/nats-server';
import { type Ended, fixture, leat, type LeatOptions } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';

const NOBODY = 65_534;
const ONE_SENTENCE = /^leat: \[(?:invalid-configuration|unreachable)\] [^\n]+\n$/;
const isRoot = process.getuid?.() === 0;

const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];

async function dev(
  cwd: string,
  { env = {}, within = [] }: Pick<Partial<LeatOptions>, 'env' | 'within'>,
): Promise<Ended> {
  const args = ['dev', fixture('squares.ts'), '--param', `out=${join(cwd, 'out')}`];
  return await leat(args, { cwd, env: { LEAT_LOG_LEVEL: 'error', ...env }, within });
}

async function own(folder: string, mode = 0o700): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, mode);
  await chown(folder, NOBODY, NOBODY);
}

test.each<[string, Readonly<Record<string, string>>, RegExp]>([
  ['state directory is a file', { LEAT_STATE_DIR: '/etc/passwd' }, /\/etc\/passwd cannot be made/],
  [
    'state directory is where none can be',
    { LEAT_STATE_DIR: '/proc/1/x' },
    /\/proc\/1\/x cannot be made/,
  ],
  [
    'state directory is below a file',
    { LEAT_STATE_DIR: '/dev/null/x' },
    /\/dev\/null\/x cannot be made/,
  ],
  [
    'folder for temporary files is not there',
    { TMPDIR: '/nowhere/tmp' },
    /temporary files, \/nowhere\/tmp, .*TMPDIR/,
  ],
  ['folder for temporary files takes none', { TMPDIR: '/proc' }, /temporary files, \/proc, /],
  [
    'folder for temporary files is a file',
    { TMPDIR: '/etc/passwd' },
    /temporary files, \/etc\/passwd, /,
  ],
])('the %s: a sentence, and exit code 2', async (_what, env, sentence) => {
  await using dir = await tempDir();
  const { code, stderr } = await dev(dir.path, { env });
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(sentence) });
  expect(stderr).toMatch(ONE_SENTENCE);
  expect(existsSync('/nowhere')).toBe(false);
});

test.skipIf(!isRoot).each<[string, (folder: string) => Promise<unknown>, RegExp]>([
  ['state directory', (folder) => mkdir(folder), /\.leat cannot be written to/],
  [
    'store of the server',
    (folder) => own(folder).then(() => mkdir(join(folder, 'nats'))),
    /store folder .*nats cannot be used .*another user/,
  ],
  [
    'trace of the server',
    (folder) => own(folder).then(() => writeFile(join(folder, 'server.json'), '')),
    /\.leat cannot be written to .*server\.json/,
  ],
  [
    'working directory',
    (folder) => chown(join(folder, '..'), 0, 0).then(() => chmod(join(folder, '..'), 0o755)),
    /\.leat cannot be made/,
  ],
])('root owns the %s: a sentence, and exit code 2', async (_what, make, sentence) => {
  await using dir = await tempDir();
  await own(dir.path);
  // Root's own server is in a folder that nobody else may enter.
  const server = join(dir.path, 'nats-server');
  await copyFile((await findNatsServer()).path, server);
  await make(join(dir.path, '.leat'));
  const { code, stderr } = await dev(dir.path, {
    env: { NATS_SERVER_BIN: server },
    within: AS_NOBODY,
  });
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(sentence) });
  expect(stderr).toMatch(ONE_SENTENCE);
});

test.each([['dev', fixture('squares.ts')], ['status']])(
  'a working directory that is gone: leat %s says so',
  async (...args) => {
    await using dir = await tempDir();
    const gone = join(dir.path, 'gone');
    await mkdir(gone);
    const within = ['sh', '-c', `cd '${gone}' && rmdir '${gone}' && exec "$@"`, 'sh'];
    const { code, stderr } = await leat(args, { cwd: dir.path, within });
    await rmdir(gone).catch(() => undefined);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/The working directory is not there/),
    });
    expect(stderr).toMatch(ONE_SENTENCE);
  },
);
