import {
  appendFile,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rm,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RunReport } from '@leat/core';
import { expect, test } from 'vitest';
import { expectBalance, expectSquares } from '../support/deployment.ts';
import { DevSite } from '../support/dev.ts';
import { SavedFolder } from '../support/saved-folder.ts';
import { mountSmall } from '../support/small-disk.ts';
import { until } from '../support/until.ts';

interface Square {
  readonly n: number;
  readonly square: number;
}

test('a full disk makes the run wait, saying why, and it goes on when there is room', async (context) => {
  await using site = await DevSite.create('unruly.ts');
  const disk = join(site.dir, 'disk');
  await mkdir(disk);
  await using mount = await mountSmall(disk, '8m');
  if (mount.failure !== undefined) {
    const reason = `NOT TESTED: a full disk, because no file system can be mounted here: ${mount.failure}`;
    process.stderr.write(`${reason}\n`);
    context.skip(reason);
    return;
  }
  const ballast = join(disk, 'ballast');
  // Room for the claim, a journal and a segment or two, but not for all that is to be saved.
  await writeFile(ballast, Buffer.alloc(8 * 1024 * 1024 - 10 * 4096));
  const command = site.dev({ count: 3_000, out: disk });
  const complaints = (): number =>
    [...command.stderr().matchAll(/the sink .*is not available, waiting: ENOSPC/g)].length;
  await until('it says why it waits', () => complaints() >= 3);
  const run = /"run":"([^"]+)"/.exec(command.stderr())?.[1] ?? '';
  await until('the status says why it waits', async () =>
    (await site.leat('status', run)).stdout.includes('is not available, waiting: ENOSPC'),
  );
  await rm(ballast);
  const { code, stderr } = await command.ended;
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/is back/) });
  // A wait is a warning, and said once for each attempt.
  const levels = [...stderr.matchAll(/(\w+): the sink .*is not available, waiting/g)];
  expect(new Set(levels.map(([, level]) => level))).toEqual(new Set(['WARN']));
  const report = JSON.parse(await readFile(join(site.dir, 'report.json'), 'utf8')) as RunReport;
  expect(report).toMatchObject({ state: 'completed', records: { saved: 3_000, dead: 0 } });
  expectBalance(report);
  expectSquares(await site.exported<Square>(report.run), 3_000);
  expect(await site.leat('verify', report.run)).toMatchObject({ code: 0 });
});

test('a directory that is a file is no sink', async () => {
  await using site = await DevSite.create('unruly.ts');
  const out = join(site.dir, 'out');
  await writeFile(out, '');
  const { code, stderr } = await site.dev({}).ended;
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /leat: \[sink-unfit\] The ndjson sink cannot write to the directory .*out/,
  );
  expect(stderr).not.toMatch(/\n\s+at |Warning/);
  const run = /"run":"([^"]+)"/.exec(stderr)?.[1];

  await rm(out);
  expect(await site.run({})).toMatchObject({ run, state: 'completed', records: { saved: 100 } });
});

test.each([
  {
    what: 'a changed byte',
    damage: async (folder: SavedFolder) => {
      const file = await folder.segmentWith('{"n":60,');
      const bytes = await readFile(file);
      bytes[bytes.indexOf('{"n":60,') + 10]! ^= 1;
      await writeFile(file, bytes);
    },
    says: /^files: chunk 2 is not as it was saved\.$/m,
  },
  {
    what: 'a line more',
    damage: async (folder: SavedFolder) =>
      appendFile(await folder.segmentWith('{"n":30,'), '{"n":1}\n'),
    says: /^files: chunk [0-3] has (?:31 records, and its receipt says 30|11 records, and its receipt says 10)\.$/m,
  },
  {
    what: 'a segment that is gone',
    damage: async (folder: SavedFolder) => unlink(await folder.segmentWith('{"n":99,')),
    says: /chunk 3 (?:is in no sink|has a receipt and is not there)/i,
  },
  {
    what: 'a stray segment',
    damage: async (folder: SavedFolder) => {
      const file = await folder.segmentWith('{"n":0,');
      await copyFile(file, join(dirname(file), 'segment-000000099.ndjson'));
    },
    says: /^files: chunk segment-000000099\.ndjson is there without a receipt\.$/m,
  },
])('verify finds $what, and says where', async ({ damage, says }) => {
  await using site = await DevSite.create('unruly.ts');
  const { run } = await site.run({});
  expect(await site.leat('verify', run)).toMatchObject({ code: 0 });
  await damage(new SavedFolder(join(site.dir, 'out', run)));
  const { code, stdout, stderr } = await site.leat('verify', run);
  expect({ code, stdout, stderr }).toMatchObject({ code: 1, stdout: expect.stringMatching(says) });
  expect(stdout).toMatch(/\d+ findings\.\n$/);
});

test('verify finds that a segment is gone from a run with dead letters', async () => {
  await using site = await DevSite.create('unruly.ts');
  const { code, stdout } = await site.dev({ mode: 'throw', at: 42 }).ended;
  expect(code).toBe(3);
  const run = /^run +(\S+)/.exec(stdout)?.[1] ?? '';
  const saved = new SavedFolder(join(site.dir, 'out', run));
  await unlink(await saved.segmentWith('{"n":99,'));
  const { length: left } = await saved.lines();
  const verified = await site.leat('verify', run);
  expect(verified).toMatchObject({ code: 1, stdout: expect.stringContaining(`hold ${left}.`) });
});

test('export writes no file when a segment is gone, or when the folder is not the one of the run', async () => {
  await using site = await DevSite.create('unruly.ts');
  const { run } = await site.run({});
  const folder = join(site.dir, 'out', run);
  const to = join(site.dir, 'all.ndjson');
  const saved = new SavedFolder(folder);
  await unlink(await saved.segmentWith('{"n":99,'));
  const { length: left } = await saved.lines();
  expect(await site.leat('export', run, '--to', to)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      new RegExp(`The sink has ${left} records of the run .* says 100 were saved`),
    ),
  });
  await rm(folder, { recursive: true });
  expect(await site.leat('export', run, '--to', to)).toMatchObject({
    code: expect.toSatisfy((code: number) => code !== 0),
    stderr: expect.stringMatching(/out.* is not what the run was saved into: it was removed/),
  });
  expect((await readdir(site.dir)).filter((name) => name.startsWith('all.'))).toEqual([]);
});
