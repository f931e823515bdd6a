import { linesOf, readAll } from '@leat/testing/contracts';
import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { csv } from './csv.ts';
import { listFiles } from './file-list.ts';
import { jsonArray } from './json-array.ts';
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

  test.runIf(process.platform === 'linux').each(['/proc/self/status', '/proc/self/stat*'])(
    'refuses %s, whose size is not that of its content',
    async (paths) => {
      await expect(listFiles(paths)).rejects.toMatchObject({
        code: 'source-missing',
        message: expect.stringMatching(/^\/proc\S+ has content, and its size is 0: .* save it/),
      });
    },
  );

  test('takes a file that is empty', async () => {
    const empty = files.write('', 'empty');
    expect(await listFiles(empty)).toEqual([{ name: empty, bytes: 0 }]);
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

  /** What is done without the right to read everything, which a superuser has. */
  async function unprivileged<T>(work: () => Promise<T>): Promise<T> {
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      return await work();
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  }

  test.each([
    { title: 'a file', path: 'locked/file.x', locked: 'locked/file.x', named: 'locked/file.x' },
    {
      title: 'a file that matches',
      path: 'locked/*.x',
      locked: 'locked/file.x',
      named: 'locked/file.x',
    },
    { title: 'a folder', path: 'locked/*.x', locked: 'locked', named: 'locked' },
    {
      title: 'a folder on the way',
      path: 'locked/in/f.x',
      locked: 'locked',
      named: 'locked/in/f.x',
    },
    { title: 'a folder among others', path: '**/in/*.x', locked: 'locked/in', named: 'locked/in' },
    {
      title: 'a folder that may have more',
      path: '**/*.x',
      locked: 'locked/in',
      named: 'locked/in',
    },
    { title: 'a folder by a link', path: 'tied/*.x', locked: 'locked', named: 'tied' },
  ])('refuses $title that may not be read', async ({ path, locked, named }) => {
    chmodSync(here, 0o755);
    files.remove('locked');
    files.remove('tied');
    files.write('1\n', 'locked/file.x');
    files.write('1\n', 'locked/in/f.x');
    symlinkSync('locked', join(here, 'tied'));
    chmodSync(join(here, locked), 0);
    try {
      await expect(unprivileged(() => listFiles(join(here, path)))).rejects.toMatchObject({
        code: 'source-missing',
        message: expect.stringContaining(`${join(here, named)} cannot be read`),
      });
    } finally {
      chmodSync(join(here, locked), 0o755);
      files.remove('locked');
      files.remove('tied');
    }
  });

  test('does not look into folders that the pattern does not lead to', async () => {
    files.write('1\n', 'open/file.x');
    files.write('1\n', 'open/closed/file.x');
    chmodSync(join(here, 'open/closed'), 0);
    chmodSync(here, 0o755);
    const found = await unprivileged(() => listFiles(join(here, 'open/*.x')));
    chmodSync(join(here, 'open/closed'), 0o755);
    expect(found).toHaveLength(1);
  });
});

describe('a pattern', () => {
  const folders = new TemporaryFiles();
  for (const name of [
    'exports (1)/a.x',
    'exports 1/b.x',
    'exports [1]/c.x',
    'exports {1,2}/d.x',
    'deep/exports (1)/e.x',
    'deep/exports 1/f.x',
    'deep/@(1)/g.x',
    'deep/1/h.x',
    'q/((1)).x',
    'q/1.x',
    '.hidden/i.x',
    '!a/j.x',
  ]) {
    folders.write('1\n', name);
  }

  test.each([
    { pattern: 'exports (1)/*.x', expected: ['exports (1)/a.x'] },
    { pattern: 'exports [1]/*.x', expected: ['exports [1]/c.x'] },
    { pattern: 'exports [12]/*.x', expected: ['exports 1/b.x'] },
    { pattern: 'exports {1,2}/*.x', expected: ['exports {1,2}/d.x'] },
    { pattern: 'exports {1,3}/*.x', expected: ['exports 1/b.x'] },
    { pattern: '{exports 1/b,deep/1/h}.x', expected: ['deep/1/h.x', 'exports 1/b.x'] },
    { pattern: '*/exports (1)/*.x', expected: ['deep/exports (1)/e.x'] },
    { pattern: 'd*/exports (?)/*.x', expected: ['deep/exports (1)/e.x'] },
    { pattern: '**/exports (1)/*', expected: ['deep/exports (1)/e.x', 'exports (1)/a.x'] },
    { pattern: 'deep/@(1)/*.x', expected: ['deep/@(1)/g.x'] },
    { pattern: 'deep/@(1|2)/*.x', expected: ['deep/1/h.x'] },
    { pattern: 'q/((1))*', expected: ['q/((1)).x'] },
    { pattern: 'deep/exports*/../1/*.x', expected: ['deep/exports (1)/../1/h.x'] },
    { pattern: './/deep/./1/*.x', expected: ['deep/1/h.x'] },
    { pattern: '!a/*.x', expected: ['!a/j.x'] },
    { pattern: '*/i.x', expected: undefined },
    { pattern: 'exports (2)/*.x', expected: undefined },
    { pattern: 'exports [(]2)/*.x', expected: undefined },
  ])('finds $expected by $pattern', async ({ pattern, expected }) => {
    const found = await listFiles(`${folders.directory}/${pattern}`).catch(
      (error: unknown) => error,
    );
    if (expected === undefined) expect(found).toMatchObject({ code: 'source-missing' });
    else {
      const all = expected.map((name) => ({ name: `${folders.directory}/${name}`, bytes: 2 }));
      expect(found).toEqual(all);
    }
  });
});

describe('one file under several names', () => {
  const links = new TemporaryFiles();
  const at = (name: string): string => join(links.directory, name);
  links.write('1\n', 'data/b.x');
  links.write('2\n', 'data/c.x');
  symlinkSync('b.x', at('data/a.x'));
  symlinkSync('data', at('again'));
  symlinkSync('..', at('data/up'));
  symlinkSync('.', at('data/here'));

  test.each([
    { paths: ['data/*.x'], expected: ['data/b.x', 'data/c.x'] },
    { paths: ['data/a.x', 'data/b.x'], expected: ['data/a.x'] },
    { paths: ['data/b*', 'data/a*', 'again/*.x'], expected: ['data/b.x', 'again/c.x'] },
    { paths: ['again/*.x'], expected: ['again/b.x', 'again/c.x'] },
    { paths: ['**/*.x'], expected: ['data/b.x', 'data/c.x'] },
    { paths: ['**'], expected: ['data/b.x', 'data/c.x'] },
    { paths: ['data/*/*.x'], expected: ['data/here/b.x', 'data/here/c.x'] },
    { paths: ['**/up/**/b.x'], expected: ['data/up/data/b.x'] },
  ])('is read once by $paths', async ({ paths, expected }) => {
    const found = await listFiles(paths.map(at));
    expect(found.map(({ name }) => name)).toEqual(expected.map(at));
  });

  test('is refused where nobody can know which one is meant', async () => {
    links.write('3\n', 'hard/a.x');
    linkSync(at('hard/a.x'), at('hard/b.x'));
    await expect(listFiles(at('hard/*.x'))).rejects.toMatchObject({
      code: 'source-missing',
      message: expect.stringMatching(/a\.x and .*b\.x are one file with two names/),
    });
    expect(await listFiles(at('hard/a.x'))).toHaveLength(1);
  });

  test.each([
    { paths: 'broken/gone.x' },
    { paths: 'broken/*.x' },
    { paths: 'broken/loop' },
    { paths: 'broken/l*' },
    { paths: 'broken/*/a.x' },
    { paths: 'broken/**/a.x' },
    { paths: 'broken/gone.x/*.y' },
    { paths: 'broken/gone.x/**' },
    { paths: 'broken/loop/*/a.x' },
  ])('is refused by $paths where a link leads nowhere', async ({ paths }) => {
    links.remove('broken');
    links.write('1\n', 'broken/a.x');
    symlinkSync('/nowhere/at/all', at('broken/gone.x'));
    symlinkSync('loop', at('broken/loop'));
    await expect(listFiles(at(paths))).rejects.toMatchObject({
      code: 'source-missing',
      message: expect.stringMatching(/is a symbolic link to (?:\/nowhere\/at\/all|loop), which/),
    });
    expect(await listFiles(at('broken/a*.x'))).toHaveLength(1);
    links.remove('broken');
  });
});

const odd = new TemporaryFiles();
const piped = new TemporaryFiles();

test.skipIf(process.platform !== 'linux')(
  'a name that is not UTF-8 is refused if it matches',
  async () => {
    odd.write('1\n', 'sub/a.x');
    const bytes = (name: string): Buffer => Buffer.from(`${odd.directory}/${name}`, 'latin1');
    writeFileSync(bytes('sub/caf\xe9.x'), '1\n');
    mkdirSync(bytes('n\xe9e'));
    const at = (pattern: string): Promise<unknown> => listFiles(join(odd.directory, pattern));
    for (const [pattern, name] of [
      ['sub/*.x', String.raw`sub/caf\xe9.x`],
      ['*/a.x', String.raw`n\xe9e`],
      ['**/a.x', String.raw`n\xe9e`],
    ] as const) {
      await expect(at(pattern)).rejects.toMatchObject({
        code: 'source-missing',
        message: `The name of ${odd.directory}/${name} is not UTF-8, and no run could go on with it: rename it.`,
      });
    }
    await expect(at('sub/a*.x')).resolves.toHaveLength(1);
  },
);

test.each([undefined, null, '', 7, ['a.x', undefined], [''], 'a\0b'])(
  'the paths %j are refused when the source is defined',
  (paths) => {
    for (const source of [csv, jsonArray, ndjsonSource]) {
      expect(() => source(paths as never)).toThrow(
        expect.objectContaining({
          code: 'source-missing',
          message: expect.stringMatching(/expected a path, several, or a glob, got/),
        }),
      );
    }
  },
);

test('a pipe among the matches is refused', async () => {
  const pipe = join(piped.directory, 'pipe.x');
  execFileSync('mkfifo', [pipe]);
  await expect(listFiles(join(piped.directory, '*.x'))).rejects.toMatchObject({
    code: 'source-missing',
    message: expect.stringContaining('is not a regular file'),
  });
});

test('a path stays that of the shell, whatever directory the process is in', async () => {
  const before = process.cwd();
  process.chdir(here);
  try {
    expect(await listFiles(['package.json', 'packages/fetcher/pack*.json'])).toHaveLength(2);
    await expect(listFiles('a.x')).rejects.toMatchObject({
      message: expect.stringContaining(`There is no file a.x in ${before}`),
    });
  } finally {
    process.chdir(before);
  }
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
