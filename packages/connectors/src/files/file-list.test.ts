import { linesOf, readAll } from '@leat/testing/contracts';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { describe, expect, test } from 'vitest';
import { listFiles } from './file-list.ts';
import { ndjsonSource } from './ndjson-source.ts';
import { TemporaryFiles } from './temporary-files.testsuite.ts';

const files = new TemporaryFiles();
const here = files.directory;
const names = ['b.x', 'a.x', 'B.x', 'a10.x', 'sub/c.x', 'sub/d.y', '[a].x', 'e*.x'];
for (const name of names) files.write(`"${name}"\n`, name);
mkdirSync(join(here, 'dir.x'));

describe('listFiles', () => {
  test.each([
    { paths: 'a.x', expected: ['a.x'] },
    { paths: ['b.x', 'a.x'], expected: ['b.x', 'a.x'] },
    { paths: '[ab].x', expected: ['a.x', 'b.x'] },
    { paths: '[a].x', expected: ['[a].x'] },
    { paths: 'e*.x', expected: ['e*.x'] },
    { paths: '*.x', expected: ['B.x', '[a].x', 'a.x', 'a10.x', 'b.x', 'e*.x'] },
    { paths: '**/{c,d}.*', expected: ['sub/c.x', 'sub/d.y'] },
    { paths: ['b.x', '{a,b}.x', 'b.x', './a.x'], expected: ['b.x', 'a.x'] },
  ])('finds $paths', async ({ paths, expected }) => {
    const absolute = [paths].flat().map((path) => join(here, path));
    const found = await listFiles(absolute);
    expect(found.map(({ name }) => name)).toEqual(expected.map((name) => join(here, name)));
    expect(found[0]?.bytes).toBe(Buffer.byteLength(`"${expected[0]}"\n`));
  });

  test('takes paths relative to the current directory', async () => {
    const found = await listFiles(['package.json', 'packages/fetcher/pack*.json']);
    expect(found.map(({ name }) => name)).toEqual([
      'package.json',
      'packages/fetcher/package.json',
    ]);
  });

  test.each([
    { paths: 'none.x', message: /There is no file .*none\.x in .*: correct the path/ },
    { paths: ['a.x', 'none.x'], message: /There is no file .*none\.x/ },
    { paths: 'a.x/none', message: /There is no file/ },
    { paths: 'none*.x', message: /No file matches .*none\*\.x in .*: correct the pattern/ },
    {
      paths: 'sub',
      message: /sub is a directory: name the files in it, for example .*sub\/\*\.json/,
    },
    { paths: 'dir.*', message: /No file matches/ },
    { paths: [], message: /There is nothing to read: the list of paths is empty/ },
  ])('refuses $paths', async ({ paths, message }) => {
    const absolute = [paths].flat().map((path) => join(here, path));
    await expect(listFiles(absolute)).rejects.toMatchObject({
      code: 'source-missing',
      message: expect.stringMatching(message),
    });
  });

  test('refuses what can be read only once', async () => {
    await expect(listFiles('/dev/null')).rejects.toMatchObject({
      code: 'source-missing',
      message: expect.stringContaining('not a regular file'),
    });
  });

  test.skipIf(getuid?.() === 0)('refuses a file that may not be read', async () => {
    const path = files.write('1\n');
    chmodSync(path, 0);
    await expect(listFiles(path)).rejects.toMatchObject({
      code: 'source-missing',
      message: expect.stringContaining('cannot be read'),
    });
  });
});

/** Two files, written afresh. */
function twoFiles(): ReturnType<typeof ndjsonSource> {
  files.remove('set');
  files.write('1\n2\n', 'set/1.z');
  files.write('3\n', 'set/2.z');
  return ndjsonSource(join(here, 'set', '*.z'));
}

describe('a file source', () => {
  test.each([
    {
      title: 'a file more',
      change: () => files.write('9\n', 'set/3.z'),
      message: /were 2 files to read, and now there are 3/,
    },
    {
      title: 'a file in between',
      change: () => files.write('9\n', 'set/1a.z'),
      message: /were 2 files/,
    },
    {
      title: 'a longer file',
      change: () => files.write('1\n2\n3\n', 'set/1.z'),
      message: /1\.z had 4 bytes, and now it has 6/,
    },
    {
      title: 'a shorter file',
      change: () => files.write('1\n', 'set/1.z'),
      message: /had 4 bytes, and now it has 2/,
    },
  ])('does not go on with $title', async ({ change, message }) => {
    const source = twoFiles();
    const [cursor] = (await readAll(source, { chunkSize: 1 })).chunks.map((c) => c.nextCursor);
    change();
    const { chunks, error } = await readAll(source, { cursor: cursor ?? null });
    expect(chunks).toEqual([]);
    expect(error).toMatchObject({
      code: 'source-changed',
      message: expect.stringMatching(message),
    });
  });

  test('does not go on with other names', async () => {
    const [a, b, c] = [files.write('1\n2\n'), files.write('3\n'), files.write('1\n2\n')];
    const [chunk] = (await readAll(ndjsonSource([a, b]), { chunkSize: 1 })).chunks;
    const { error } = await readAll(ndjsonSource([c, b]), { cursor: chunk?.nextCursor ?? null });
    expect(error).toMatchObject({
      code: 'source-changed',
      message: expect.stringContaining(`was ${a}`),
    });
  });

  test('reads file after file, and never across two', async () => {
    const outcome = await readAll(twoFiles());
    expect(linesOf(outcome)).toEqual(['1', '2', '3']);
    expect(outcome.chunks).toHaveLength(2);
  });
});
