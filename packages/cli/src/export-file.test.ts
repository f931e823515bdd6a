import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  createReadStream,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { exportTo } from './export-file.ts';

const root = mkdtempSync(join(tmpdir(), 'leat-export-'));
const at = (name: string): string => join(root, name);
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root);
});

const never = (): AbortSignal => new AbortController().signal;

async function* two(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('1\n');
  yield Buffer.from('2\n');
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('1\n');
  throw new Error('the sink is away');
}

test('a file is there when it is whole, and has the mode of the one that was there', async () => {
  await exportTo(at('new'), two(), never);
  expect(readFileSync(at('new'), 'utf8')).toBe('1\n2\n');
  writeFileSync(at('old'), 'old');
  chmodSync(at('old'), 0o600);
  await exportTo(at('old'), two(), never);
  expect(readFileSync(at('old'), 'utf8')).toBe('1\n2\n');
  expect(statSync(at('old')).mode & 0o777).toBe(0o600);
  await expect(exportTo(at('old'), broken(), never)).rejects.toThrow('the sink is away');
  expect(readFileSync(at('old'), 'utf8')).toBe('1\n2\n');
  expect(readdirSync(root).toSorted()).toEqual(['new', 'old']);
});

test('a file that is given up leaves nothing', async () => {
  const stop = new AbortController();
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (let n = 0; ; n++) {
      if (n === 3) stop.abort();
      yield Buffer.from('1\n');
    }
  };
  await expect(exportTo(at('x'), endless(), () => stop.signal)).rejects.toThrow('aborted');
  await expect(exportTo(at('x'), two(), () => stop.signal)).rejects.toThrow('aborted');
  expect(readdirSync(root)).toEqual([]);
});

test('a pipe is written into, and stays one', async () => {
  execFileSync('mkfifo', [at('pipe')]);
  const read = text(createReadStream(at('pipe')));
  await exportTo(at('pipe'), two(), never);
  expect(await read).toBe('1\n2\n');
  expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
});

test('a device is written into, and stays one, also by a link', async () => {
  symlinkSync('/dev/null', at('nothing'));
  for (const device of ['/dev/null', at('nothing')]) await exportTo(device, two(), never);
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  expect(lstatSync(at('nothing')).isSymbolicLink()).toBe(true);
});

test('the target of a link is replaced, and the link stays', async () => {
  mkdirSync(at('far'));
  writeFileSync(at('far/target'), 'old');
  symlinkSync('far/target', at('link'));
  await exportTo(at('link'), two(), never);
  expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
  expect(readFileSync(at('far/target'), 'utf8')).toBe('1\n2\n');
  await expect(exportTo(at('link'), broken(), never)).rejects.toThrow('the sink is away');
  expect(readFileSync(at('far/target'), 'utf8')).toBe('1\n2\n');
  expect(readdirSync(at('far'))).toEqual(['target']);
});

test.each([
  ['a directory', 'dir', /it is a directory/],
  ['a link that leads nowhere', 'dangling', /a symbolic link that leads nowhere/],
  ['a file in a directory that is not there', 'none/file', /ENOENT/],
  ['a file below a file', 'file/file', /ENOTDIR/],
])('%s is refused', async (_, name, message) => {
  mkdirSync(at('dir'));
  writeFileSync(at('file'), '');
  symlinkSync('nowhere', at('dangling'));
  await expect(exportTo(at(name), two(), never)).rejects.toMatchObject({
    code: 'invalid-configuration',
    message: expect.stringMatching(message),
  });
  expect(readdirSync(root).toSorted()).toEqual(['dangling', 'dir', 'file']);
});

test('a file that finds no room is named, and leaves nothing behind', () => {
  const program = `
    import { exportTo } from ${JSON.stringify(new URL('../dist/export-file.js', import.meta.url).href)};
    async function* bodies() { for (let n = 0; n < 100; n++) yield Buffer.alloc(10_000, 'x'); }
    const signal = new AbortController().signal;
    await exportTo(process.argv[1], bodies(), () => signal).catch(({ code, message }) =>
      console.log(code, message),
    );`;
  const args = ['-c', 'ulimit -f 8; exec "$0" --input-type=module -e "$1" "$2"'];
  const said = execFileSync('sh', [...args, process.execPath, program, at('all.ndjson')], {
    encoding: 'utf8',
  });
  expect(said).toMatch(/^invalid-configuration --to: .*all\.ndjson cannot be written \(EFBIG: /);
  expect(said).toContain('where there is room.');
  expect(readdirSync(root)).toEqual([]);
});
