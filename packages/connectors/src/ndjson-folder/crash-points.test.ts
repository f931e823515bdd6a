import {
  all,
  chunkOf,
  contextOf,
  identityFor,
  newRun,
  recordsOf,
  sampleChunks,
  sinkChild,
  writeChunks,
} from '@leat/testing/contracts';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SinkChunk, SinkSession } from '@leat/sdk';
import { chunkDigest } from '@leat/sdk';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ndjsonSink } from './ndjson-sink.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'leat-ndjson-crash-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const sessions: SinkSession[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
});

async function open(run: string, fence = 1): Promise<SinkSession> {
  const session = await ndjsonSink(dir).open(contextOf(run, { fence }));
  sessions.push(session);
  return session;
}

interface SignalBefore {
  readonly signal: 'SIGSTOP' | 'SIGKILL';
  readonly nth: number;
  readonly call?: 'linkSync';
}

/** A saver's process that commits 20 chunks from 10 on, and gets signals before calls. */
async function startChild(
  run: string,
  ...signalsBefore: readonly SignalBefore[]
): Promise<{ readonly child: ChildProcess; readonly exited: Promise<unknown[]> }> {
  const folder = await mkdtemp(path.join(dir, 'child-'));
  const chunks = sampleChunks(20, 10).map(({ receipt, body }) => ({
    receipt: { ...receipt, counts: { ...receipt.counts, retries: 1 } },
    body,
  }));
  const task = {
    sink: { module: '@leat/connectors/files', name: 'ndjsonSink', options: [dir] },
    identity: identityFor(run),
    file: await writeChunks(folder, chunks),
    together: 20,
    lanes: 1,
    rounds: 1,
    signalsBefore,
  };
  const child = spawn(process.execPath, [sinkChild, JSON.stringify(task)], { stdio: 'ignore' });
  return { child, exited: once(child, 'exit') };
}

/** That every record stands in the run's files once, and that receipts and data are those of one execution. */
async function expectOnce(run: string, session: SinkSession): Promise<ReadonlySet<string>> {
  const stored = await all(session.read());
  const receipts = await all(session.receipts());
  expect(receipts.map(({ chunk }) => chunk)).toEqual(stored.map(({ chunk }) => chunk));
  for (const [at, { chunk, body }] of stored.entries()) {
    expect(receipts[at]?.digest).toBe(chunkDigest(chunk, body));
  }
  const lines: unknown[] = [];
  for (const name of await readdir(path.join(dir, run))) {
    if (!name.endsWith('.ndjson')) continue;
    lines.push(...recordsOf({ body: readFileSync(path.join(dir, run, name)) }));
  }
  const text = (records: readonly unknown[]): string[] =>
    records.map((record) => JSON.stringify(record)).toSorted();
  expect(text(lines)).toEqual(text(stored.flatMap((one) => recordsOf(one))));
  expect(new Set(text(lines)).size).toBe(lines.length);
  return new Set(stored.map(({ chunk }) => chunk));
}

/** More than a child makes in a commit, if its number is free. */
const CALLS = 16;

test.each([
  ['killed', 'SIGKILL'],
  ['stopped, and goes on', 'SIGSTOP'],
] as const)(
  'a process that is %s before any of its calls loses and doubles nothing beside another',
  { timeout: 120_000 },
  async (_, signal) => {
    let reached = 0;
    const tryAll = async (first: number): Promise<void> => {
      for (let nth = first; nth <= CALLS; nth += 2) {
        const run = newRun();
        const other = await open(run);
        await other.commit(sampleChunks(2));
        const { child, exited } = await startChild(run, { nth, signal });
        if (signal === 'SIGKILL') await exited;
        else await expect.poll(() => isStill(child.pid), { timeout: 30_000 }).toBe(true);
        const isReached =
          signal === 'SIGKILL' ? child.signalCode !== null : child.exitCode === null;
        if (isReached) reached++;
        // It overlaps with the child's, and has other books and other data.
        const mine = sampleChunks(12, nth % 3 === 0 ? 4 : 14).map(otherOf);
        await other.commit(mine);
        await expectOnce(run, other);
        child.kill('SIGCONT');
        const [code] = (await exited) as [number | null];
        if (signal === 'SIGSTOP') expect(code).toBe(0);
        await expectOnce(run, other);
        // The next session finishes all, and every session answers with the same receipts.
        const whole = sampleChunks(30);
        const next = await open(run);
        const answers = [await next.commit(whole), await other.commit(whole.toReversed())];
        const [one = [], two = []] = answers.map((each) => each.map(({ receipt }) => receipt));
        expect(two.toReversed()).toEqual(one);
        expect(await all(next.receipts())).toEqual(one);
        expect((await expectOnce(run, next)).size).toBe(30);
        if (!isReached) return;
      }
    };
    await Promise.all([tryAll(1), tryAll(2)]);
    expect(reached).toBeGreaterThan(8);
    expect(reached).toBeLessThan(CALLS);
  },
);

test(
  'a process that finds its number taken, and is killed before any of its calls then, loses and doubles nothing',
  { timeout: 120_000 },
  async () => {
    let killed = 0;
    const tryAll = async (first: number): Promise<void> => {
      for (let nth = first; nth <= 2 * CALLS; nth += 2) {
        const run = newRun();
        const other = await open(run);
        const { child, exited } = await startChild(
          run,
          { signal: 'SIGSTOP', nth: 1, call: 'linkSync' },
          { signal: 'SIGKILL', nth },
        );
        await expect.poll(() => isStill(child.pid), { timeout: 30_000 }).toBe(true);
        // Some of its chunks are there then, or none: it writes its file anew, or takes the next number.
        await other.commit(sampleChunks(nth % 3 === 0 ? 10 : 16).map(otherOf));
        child.kill('SIGCONT');
        await exited;
        const isKilled = child.signalCode !== null;
        if (isKilled) killed++;
        await expectOnce(run, other);
        const next = await open(run);
        const receipts = (await next.commit(sampleChunks(30))).map(({ receipt }) => receipt);
        expect(await all((await open(run)).receipts())).toEqual(receipts);
        expect((await expectOnce(run, next)).size).toBe(30);
        if (!isKilled) return;
      }
    };
    // The link is its tenth call.
    await Promise.all([tryAll(10), tryAll(11)]);
    expect(killed).toBeGreaterThan(8);
    expect(killed).toBeLessThan(2 * CALLS - 9);
  },
);

/** The same chunk as another execution left it. */
function otherOf({ receipt: { chunk } }: SinkChunk): SinkChunk {
  const seq = Number(chunk);
  return chunkOf(
    chunk,
    [0, 1, 2].map((n) => ({ id: seq * 3 + n, text: `other ${n} of ${seq}` })),
  );
}

/** Whether a process is stopped, or over. */
function isStill(pid: number | undefined): boolean {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return true;
  try {
    return 'TZ'.includes(readFileSync(file, 'utf8').split(') ').at(-1)?.[0] ?? 'Z');
  } catch {
    return true;
  }
}
