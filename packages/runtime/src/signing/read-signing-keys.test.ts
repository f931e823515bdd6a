import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSigningKeys } from './read-signing-keys.ts';

const SECRET = 'kQ2v1s0mZt7uXb4yLr9wNf3hGc8jDe5a';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'leat-keys-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function keyFile(name: string, content: string | Uint8Array, mode = 0o600): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

describe('signing keys', () => {
  test('are read in the order in which they are given, without a line break at the end', async () => {
    const plain = await keyFile('plain', SECRET);
    const lined = await keyFile('lined', `${SECRET}\r\n`, 0o440);
    const keys = await readSigningKeys([`2026-b:${plain}`, `2026.a:${lined}`]);
    expect(keys.map(({ id }) => id)).toEqual(['2026-b', '2026.a']);
    expect(keys.map(({ secret }) => secret.export().toString())).toEqual([SECRET, SECRET]);
    expect(await readSigningKeys([])).toEqual([]);
  });

  test('are bytes as well as text', async () => {
    const bytes = Buffer.from(Array.from({ length: 32 }, (_, at) => 255 - at));
    const [key] = await readSigningKeys([`raw:${await keyFile('raw', bytes)}`]);
    expect(key!.secret.export()).toEqual(bytes);
  });

  test('are not shown by what shows them', async () => {
    const keys = await readSigningKeys([`a:${await keyFile('shown', SECRET)}`]);
    expect(`${inspect(keys, { depth: 9, showHidden: true })}${JSON.stringify(keys)}`).not.toContain(
      SECRET,
    );
  });

  const refused: readonly [string, (path: string) => string, string, RegExp][] = [
    ['one without an id', (path) => path, SECRET, /must be given as id:file/],
    ['an id with a space', (path) => `a b:${path}`, SECRET, /must be given as id:file/],
    ['no file', () => 'a:', SECRET, /must be given as id:file/],
    ['a file that is not there', () => 'a:none', SECRET, /none .*a cannot be read: ENOENT/],
    ['an empty file', (path) => `a:${path}`, '\n', /is empty: make one by "openssl/],
    ['a short key', (path) => `a:${path}`, 'secret\n', /from 32 to 4096 bytes and holds 6/],
    ['a long file', (path) => `a:${path}`, 'x'.repeat(5_000), /and holds 5000/],
  ];
  test.each(refused)('are refused: %s', async (_, given, content, sentence) => {
    const path = await keyFile('refused', content);
    const reading = readSigningKeys([given(path)]);
    await expect(reading).rejects.toMatchObject({ code: 'invalid-configuration' });
    await expect(reading).rejects.toThrow(sentence);
    await expect(reading).rejects.not.toThrow(SECRET);
  });

  test('are refused: one that is given in place of its file, without showing it', async () => {
    await expect(readSigningKeys([SECRET])).rejects.not.toThrow(SECRET);
  });

  test('are refused: two of one id', async () => {
    const path = await keyFile('twice', SECRET);
    await expect(readSigningKeys([`a:${path}`, `a:${path}`])).rejects.toThrow(/a is given twice/);
  });

  test.skipIf(process.platform === 'win32').each([0o644, 0o620, 0o602, 0o666])(
    'are refused: a file of mode %o',
    async (mode) => {
      const path = await keyFile('open', SECRET, mode);
      await expect(readSigningKeys([`a:${path}`])).rejects.toThrow(/open to others \(mode 6/);
    },
  );
});
