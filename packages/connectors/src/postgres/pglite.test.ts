import {
  all,
  claimContract,
  contextOf,
  fenceContract,
  identityFor,
  newRun,
  sampleChunks,
  sinkChild,
  sinkContract,
  writeChunks,
} from '@leat/testing/contracts';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { SinkSession } from '@leat/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPglite } from './pglite-database.ts';
import { pglite } from './pglite.ts';
import { testSqlClaim } from './sql-claim.testsuite.ts';
import { testSqlSink } from './sql-sink.testsuite.ts';

const execute = promisify(execFile);
let dir = '';
let keptOpen: SinkSession;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'leat-pglite-'));
  keptOpen = await pglite({ dir: path.join(dir, 'db'), table: 'kept_open' }).open(contextOf('r'));
}, 60_000);
afterAll(async () => {
  await keptOpen.close();
  await rm(dir, { recursive: true, force: true });
});
const sinkOf = (table: string): ReturnType<typeof pglite> =>
  pglite({ dir: path.join(dir, 'db'), table });

sinkContract('pglite', () => ({ sink: sinkOf('people') }));
fenceContract('pglite', () => ({ sink: sinkOf('people') }));
claimContract('pglite', () => ({ sink: sinkOf('people') }));
const query = async (text: string): Promise<void> => {
  const database = await openPglite(path.join(dir, 'db'));
  await database.query(text);
  await database.close();
};
testSqlSink('pglite', () => ({ sink: sinkOf, query }));
testSqlClaim('pglite', () => ({
  sink: (table, schema) => pglite({ dir: path.join(dir, 'db'), table, schema }),
  query,
}));

describe('pglite', () => {
  test('makes no database for one who only reads', async () => {
    const { fence: _, ...reading } = contextOf(newRun());
    const where = path.join(dir, 'absent');
    for (const parent of [where, path.join(where, 'deeper')]) {
      const session = await pglite({ dir: parent, table: 'people' }).open(reading);
      expect(session.identity).toMatchObject({ mark: '', place: expect.stringContaining(parent) });
      expect(await all(session.receipts())).toEqual([]);
      await session.close();
    }
    expect(await readdir(dir)).not.toContain('absent');
  });

  test('keeps what was committed when it is closed and opened again', async () => {
    const sink = pglite({ dir: path.join(dir, 'again'), table: 'people', schema: 'archive' });
    const run = newRun();
    for (const isDuplicate of [false, true]) {
      const [one, two] = [await sink.open(contextOf(run)), await sink.open(contextOf(run))];
      expect(await one.commit(sampleChunks(1))).toMatchObject([{ isDuplicate }]);
      await one.close();
      expect(await all(two.read())).toHaveLength(1);
      await two.close();
    }
    expect((await readdir(dir)).filter((name) => name.includes('lock'))).toEqual(['db.lock']);
  });

  test('is unfit while another process has it open, and takes over from a dead one', async () => {
    const where = { dir: path.join(dir, 'locked'), table: 'people' };
    const file = await writeChunks(dir, sampleChunks(20));
    const task = {
      sink: { module: '@leat/connectors/postgres', name: 'pglite', options: [where] },
      file,
      together: 4,
      lanes: 2,
      rounds: 1,
    };
    const run = newRun();
    const session = await pglite(where).open(contextOf(run));
    const child = execute(process.execPath, [
      sinkChild,
      JSON.stringify({ ...task, identity: identityFor(run) }),
    ]);
    await expect(child).rejects.toThrow(`is in use by process ${process.pid}`);
    await session.close();
    // The second is a process that had our number before us, as in a container that starts again.
    for (const owner of [await deadProcess(), process.pid]) {
      await writeFile(`${where.dir}.lock`, `${owner} 1 ${hostname()}`);
      const again = { ...task, identity: identityFor(newRun()) };
      const { stdout } = await execute(process.execPath, [sinkChild, JSON.stringify(again)]);
      expect(stdout).toBe('20');
    }
    await writeFile(`${where.dir}.lock`, '1 1 some-other-host');
    const opened = pglite(where).open(contextOf(run));
    await expect(opened).rejects.toThrow('process 1 on some-other-host');
  });

  test('is unfit for a table of receipts that no version has made', async () => {
    const database = await openPglite(path.join(dir, 'db'));
    await database.query('CREATE SCHEMA strange');
    await database.query('CREATE TABLE strange.leat_receipts (run text, saver text)');
    await database.close();
    const sink = pglite({ dir: path.join(dir, 'db'), table: 'people', schema: 'strange' });
    const opened = sink.open(contextOf(newRun()));
    await expect(opened).rejects.toMatchObject({ code: 'sink-unfit' });
    await expect(opened).rejects.toThrow('should have the column "chunk"');
  });

  test('survives being killed', { timeout: 60_000 }, async () => {
    const where = { dir: path.join(dir, 'killed'), table: 'people' };
    const chunks = sampleChunks(3000);
    const file = await writeChunks(dir, chunks);
    const run = newRun();
    const sink = { module: '@leat/connectors/postgres', name: 'pglite', options: [where] };
    const task = { sink, identity: identityFor(run), file, together: 4, lanes: 2, rounds: 1 };
    for (const commits of [1, 100]) {
      const child = spawn(process.execPath, [sinkChild, JSON.stringify(task)]);
      const exited = once(child, 'exit');
      let dots = '';
      for await (const text of child.stderr.setEncoding('utf8')) {
        dots += text;
        if (dots.length >= commits) child.kill('SIGKILL');
      }
      await exited;
      expect(dots).toMatch(/^\.+$/);
    }
    const session = await pglite(where).open(contextOf(run));
    const receipts = (await all(session.receipts())).map(({ chunk }) => chunk);
    const stored = await all(session.read());
    expect(receipts.length).toBeGreaterThan(100);
    expect(stored.map(({ chunk }) => chunk)).toEqual(receipts);
    expect(stored.every(({ records }) => records === 3)).toBe(true);
    await session.commit(chunks.slice(0, 500));
    await session.close();
  });
});

/** A process that is no more. */
async function deadProcess(): Promise<number | undefined> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid;
}
