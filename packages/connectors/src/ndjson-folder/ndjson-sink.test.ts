import {
  all,
  chunkOf,
  claimContract,
  commitInChild,
  contextOf,
  fenceContract,
  identityFor,
  newRun,
  recordsOf,
  sampleChunks,
  sinkChild,
  sinkContract,
  type SinkUnderTest,
  writeChunks,
} from '@leat/testing/contracts';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SinkSession } from '@leat/sdk';
import { chunkDigest } from '@leat/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { formatGroup } from './group-lines.ts';
import { ndjsonSink } from './ndjson-sink.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'leat-ndjson-'));
});
// Some ten thousand files, on a disk that may be busy.
afterAll(() => rm(dir, { recursive: true, force: true }), 60_000);

const underTest = (): SinkUnderTest => ({
  sink: ndjsonSink(dir),
  inChild: { module: '@leat/connectors/files', name: 'ndjsonSink', options: [dir] },
});
sinkContract('ndjson', underTest);
fenceContract('ndjson', underTest);
claimContract('ndjson', underTest);

describe('ndjson', () => {
  const sessions: SinkSession[] = [];
  const open = async (run: string, where = dir): Promise<SinkSession> => {
    const session = await ndjsonSink(where).open(contextOf(run));
    sessions.push(session);
    return session;
  };
  afterEach(async () => {
    for (const session of sessions.splice(0)) await session.close();
  });

  test('writes a segment for each commit, in it the chunks in dataset order', async () => {
    const run = newRun();
    const session = await open(run);
    const chunks = ['0', '9', '42.0-2', '42.1-2', '100.9-11', '100.10-11'].map((id, n) =>
      chunkOf(id, [{ id: n, text: id }]),
    );
    await session.commit(chunks.slice(2).toReversed());
    await session.commit(chunks.toReversed());
    const saved = shell(`cat ${path.join(dir, run)}/*.ndjson`);
    const order = [...chunks.slice(2), ...chunks.slice(0, 2)];
    expect(saved.toString()).toBe(Buffer.concat(order.map(({ body }) => body)).toString());
    expect((await readdir(path.join(dir, run))).filter((name) => !name.startsWith('.'))).toEqual([
      'receipts',
      'segment-000000000.ndjson',
      'segment-000000001.ndjson',
    ]);
    const read = await all((await open(run)).read());
    expect(read.map(({ chunk }) => chunk)).toEqual(chunks.map(({ receipt }) => receipt.chunk));
  });

  test('works without fsync', async () => {
    const run = newRun();
    const session = await ndjsonSink(dir, { fsync: false }).open(contextOf(run));
    sessions.push(session);
    expect(await session.commit(sampleChunks(3))).toHaveLength(3);
    expect(await all(session.read())).toHaveLength(3);
  });

  test('survives being killed at any moment', { timeout: 120_000 }, async () => {
    const run = newRun();
    const chunks = sampleChunks(3000);
    const file = await writeChunks(dir, chunks);
    const task = {
      sink: { module: '@leat/connectors/files', name: 'ndjsonSink', options: [dir] },
      identity: identityFor(run),
      file,
      together: 32,
      lanes: 3,
      rounds: 1,
    };
    for (let kill = 0; kill < 10; kill++) {
      const child = spawn(process.execPath, [sinkChild, JSON.stringify(task)], { stdio: 'ignore' });
      const exited = once(child, 'exit');
      // Each life saves a few chunks first, so that most kills hit a commit.
      const wanted = (await count(run)) + 3 + Math.random() * 6;
      while (child.exitCode === null && (await count(run)) < wanted) await pause(2);
      await pause(Math.random() * 20);
      child.kill('SIGKILL');
      await exited;
    }
    const session = await open(run);
    const segments = await all(session.read());
    const receipts = new Map((await all(session.receipts())).map((one) => [one.chunk, one]));
    expect(segments.length).toBeGreaterThan(100);
    expect(receipts.size).toBe(segments.length);
    for (const { chunk, body } of segments) {
      expect(receipts.get(chunk)?.digest).toBe(chunkDigest(chunk, body));
    }
    // Temporary files of the dead are gone once somebody opens the sink.
    expect(await temporaries(run)).toHaveLength(1);
    await commitInChild(task.sink, run, chunks);
    const after = await all(session.read());
    expect(after.map(({ chunk }) => chunk)).toEqual(chunks.map(({ receipt }) => receipt.chunk));
    expect(Buffer.concat(after.map(({ body }) => body))).toEqual(
      Buffer.concat(chunks.map(({ body }) => body)),
    );
    expect(await all(session.receipts())).toHaveLength(chunks.length);
    expect(await idsInFiles(run)).toEqual(chunks.flatMap((_, n) => [3 * n, 3 * n + 1, 3 * n + 2]));
  });

  test('ignores the torn last line of a journal', async () => {
    const run = newRun();
    const chunks = sampleChunks(3);
    await (await open(run)).commit(chunks);
    const journal = await journalOf(run);
    await appendFile(journal, 'segment 1 x:0 1:1 2\n99 3/0/0/');
    const session = await open(run);
    expect(await all(session.receipts())).toEqual(chunks.map(({ receipt }) => receipt));
    expect(await session.commit(sampleChunks(1, 99))).toMatchObject([{ isDuplicate: false }]);
  });

  test('tells groups for one segment apart by content after the files were copied', async () => {
    const run = newRun();
    const [one, two] = [chunkOf('5', [{ id: 1, text: 'a' }]), chunkOf('5', [{ id: 2, text: 'b' }])];
    await (await open(run)).commit([one]);
    const { length: bytes } = one.body;
    const group = (name: string, { receipt }: typeof one): string =>
      formatGroup({ name, segment: 0, token: '1:1' }, [{ receipt, bytes }]);
    await writeFile(
      await journalOf(run),
      `leat-journal 2\n${group('a', two)}${group('b', one)}${group('c', two)}`,
    );
    const session = await open(run);
    expect(await session.commit([two])).toEqual([{ receipt: one.receipt, isDuplicate: true }]);
    expect(await all(session.receipts())).toEqual([one.receipt]);
  });

  test('commits nothing beside a segment whose receipts are lost, until they are back', async () => {
    const run = newRun();
    const chunks = sampleChunks(3);
    await (await open(run)).commit(chunks.slice(0, 2));
    const journal = await journalOf(run);
    shell(`mv ${journal} ${journal}.away`);
    const session = await open(run);
    expect(await all(session.receipts())).toEqual([]);
    expect(await all(session.read())).toMatchObject([
      { chunk: 'segment-000000000.ndjson', records: 6 },
    ]);
    await expect(session.commit(chunks)).rejects.toThrow(
      /No journal speaks of the segment .*segment-000000000\.ndjson/,
    );
    shell(`mv ${journal}.away ${journal}`);
    expect((await session.commit(chunks)).map(({ isDuplicate }) => isDuplicate)).toEqual([
      true,
      true,
      false,
    ]);
    expect(await idsInFiles(run)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('removes temporary files of the dead and leaves those of the living', async () => {
    const run = newRun();
    await open(run);
    const tmp = path.join(dir, run, '.staging');
    for (const file of ['otherhost-1-x/alive-for-all-we-know', 'otherhost-2-x/too-old']) {
      await mkdir(path.join(tmp, '1', path.dirname(file)));
      await writeFile(path.join(tmp, '1', file), '');
    }
    await utimes(path.join(tmp, '1', 'otherhost-2-x'), 1, 1);
    await mkdir(path.join(tmp, 'old-1'));
    await open(run);
    expect(await readdir(tmp)).toEqual(['1']);
    const left = (await readdir(path.join(tmp, '1'))).filter((name) => name.startsWith('other'));
    expect(left).toEqual(['otherhost-1-x']);
  });

  test('takes what a stopped process is about to link away from it', async () => {
    const run = newRun();
    const file = await writeChunks(dir, sampleChunks(40));
    const sink = { module: '@leat/connectors/files', name: 'ndjsonSink', options: [dir] };
    const task = {
      sink,
      identity: identityFor(run),
      file,
      together: 20,
      lanes: 1,
      rounds: 1,
      signalsBefore: [{ signal: 'SIGSTOP', call: 'linkSync', nth: 2 }],
    };
    const child = spawn(process.execPath, [sinkChild, JSON.stringify(task)]);
    const exited = once(child, 'exit');
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    await expect.poll(() => stateOf(child.pid), { timeout: 30_000 }).toBe('T');
    expect(await temporaries(run)).toHaveLength(1 + 1);
    const session = await ndjsonSink(dir).open({ ...contextOf(run), fence: 2 });
    sessions.push(session);
    const before = await all(session.read());
    expect(before).toHaveLength(20);
    child.kill('SIGCONT');
    expect((await exited)[0]).toBe(1);
    expect(stderr).toContain('has the fence 2');
    expect(await all(session.read())).toEqual(before);
    expect(await temporaries(run)).toEqual([]);
    await session.commit(sampleChunks(40));
    expect(await all(session.receipts())).toHaveLength(40);
  });

  test('makes another folder for its temporary files when theirs is removed', async () => {
    const run = newRun();
    const session = await open(run);
    for (const [seq, folder] of ['.staging/1', '.staging'].entries()) {
      await rm(path.join(dir, run, folder), { recursive: true });
      const chunks = sampleChunks(2, seq * 2);
      await expect(session.commit(chunks)).rejects.toMatchObject({ code: 'ENOENT' });
      expect(await session.commit(chunks)).toMatchObject(
        chunks.map(() => ({ isDuplicate: false })),
      );
    }
  });

  test('is unfit where it cannot make its directory', async () => {
    await writeFile(path.join(dir, 'file'), '');
    const opened = ndjsonSink(path.join(dir, 'file')).open(contextOf(newRun()));
    await expect(opened).rejects.toMatchObject({ code: 'sink-unfit' });
    await expect(opened).rejects.toThrow('cannot write to the directory');
    const { fence: _, ...toRead } = contextOf(newRun());
    const read = ndjsonSink(path.join(dir, 'file')).open(toRead);
    await expect(read).rejects.toThrow(/cannot read the directory .*Put back what the run was/);
  });

  test('is unfit for a second saver', async () => {
    const run = newRun();
    await open(run);
    const opened = ndjsonSink(dir).open(contextOf(run, { stage: 'other' }));
    await expect(opened).rejects.toThrow('belongs to the saver "saver"');
  });

  test('recovers when its directory comes back', async () => {
    const run = newRun();
    const session = await open(run);
    await session.commit(sampleChunks(1));
    const [here, away] = [path.join(dir, run), path.join(dir, `${run}-away`)];
    shell(`mv ${here} ${away}`);
    await expect(session.commit(sampleChunks(2))).rejects.toThrow(
      `the folder ${here} is gone, with what was saved in it`,
    );
    expect(existsSync(here)).toBe(false);
    shell(`mv ${away} ${here}`);
    const committed = await session.commit(sampleChunks(3));
    expect(committed.map(({ isDuplicate }) => isDuplicate)).toEqual([true, false, false]);
  });

  test('waits for space on a full disk and never leaves half a segment', async (context) => {
    const mount = path.join(dir, 'small');
    await mkdir(mount);
    try {
      shell(`mount -t tmpfs -o size=256k tmpfs ${mount}`);
    } catch {
      context.skip('SKIPPED: only root can mount the small file system that this test fills');
    }
    try {
      const run = newRun();
      const session = await open(run, mount);
      const text = 'x'.repeat(20_000);
      const chunks = Array.from({ length: 16 }, (_, n) => chunkOf(`${n}`, [{ id: n, text }]));
      await session.commit(chunks.slice(0, 4));
      const ballast = path.join(mount, 'ballast');
      await writeFile(ballast, Buffer.alloc(150_000)).catch(() => undefined);
      await expect(session.commit(chunks)).rejects.toMatchObject({ code: 'ENOSPC' });
      for (const stored of await all(session.read())) expect(recordsOf(stored)).toHaveLength(1);
      expect(await temporaries(run, mount)).toHaveLength(1);
      await rm(ballast);
      shell(`mount -o remount,size=4m ${mount}`);
      const committed = await session.commit(chunks);
      expect(committed.map(({ receipt }) => receipt)).toEqual(chunks.map(({ receipt }) => receipt));
      expect(await all(session.read())).toHaveLength(16);
      expect(await all(session.receipts())).toHaveLength(16);
      await session.close();
    } finally {
      shell(`umount -l ${mount}`);
    }
  });
});

/** The numbers of all records in the run's files, as they stand there and not as the sink reads them, in order. */
async function idsInFiles(run: string): Promise<number[]> {
  const ids: number[] = [];
  for (const name of await readdir(path.join(dir, run))) {
    if (!name.endsWith('.ndjson')) continue;
    const body = readFileSync(path.join(dir, run, name));
    ids.push(...recordsOf({ body }).map((record) => (record as { readonly id: number }).id));
  }
  return ids.toSorted((a, b) => a - b);
}

/** How many names there are in a run's folder. */
async function count(run: string): Promise<number> {
  const names = await readdir(path.join(dir, run)).catch(() => []);
  return names.length;
}

/** The folders of the sessions that are open, and what is in them. */
function temporaries(run: string, where = dir): Promise<string[]> {
  return readdir(path.join(where, run, '.staging', '1'), { recursive: true });
}

async function journalOf(run: string): Promise<string> {
  const receipts = path.join(dir, run, 'receipts');
  const journal = (await readdir(receipts)).find((name) => name.endsWith('.txt'));
  return path.join(receipts, journal ?? 'none');
}

/** The state of a process: `T` for one that is stopped. */
function stateOf(pid: number | undefined): string | undefined {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.[0];
}

function shell(command: string): Buffer {
  return execFileSync('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'ignore'] });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
