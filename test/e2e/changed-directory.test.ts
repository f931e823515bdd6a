import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { leat } from '../support/leat.ts';
import { ROOT } from '../support/pages.ts';
import { tempDir } from '../support/temp-dir.ts';

const FILE = join(ROOT, 'test/fixtures/pipelines/moved.ts');

test('a pipeline file that changes the directory is read, loaded in threads and processes, and saved as the shell says', async () => {
  await using dir = await tempDir();
  await mkdir(join(dir.path, 'data'));
  await mkdir(join(dir.path, 'elsewhere'));
  await writeFile(join(dir.path, 'data/a.ndjson'), '{"n":0}\n{"n":1}\n{"n":2}\n');
  await writeFile(join(dir.path, 'elsewhere/name.txt'), 'x');
  const options = { cwd: dir.path };
  const dev = await leat(
    ['dev', relative(dir.path, FILE), '--run', 'r', '--report', 'report.json'],
    options,
  );
  expect(dev).toMatchObject({ code: 3 });
  expect(JSON.parse(await readFile(join(dir.path, 'report.json'), 'utf8'))).toMatchObject({
    records: { in: 3, saved: 2, dead: 1 },
  });
  // Without a pipeline file: the one that was noted is found from anywhere.
  expect(await leat(['export', 'r', '--to', 'records.ndjson'], options)).toMatchObject({
    code: 0,
  });
  expect(await readFile(join(dir.path, 'records.ndjson'), 'utf8')).toBe(
    '{"n":0,"name":"x"}\n{"n":2,"name":"x"}\n',
  );
  expect(await readdir(join(dir.path, 'elsewhere'))).toEqual(['name.txt']);
});
