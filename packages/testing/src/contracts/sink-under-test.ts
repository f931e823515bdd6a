import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Receipt, type RunIdentity, newRunId } from '@leat/core';
import type { Sink, SinkChunk, SinkContext, StoredChunk } from '@leat/sdk';
import { chunkDigest } from '@leat/sdk';
import { z } from 'zod';

const sampleSchema = z.object({ id: z.int(), text: z.string() });

/** How another process opens a sink: by calling what a module exports. */
export interface SinkInChild {
  /** What to import: the name of a package, or a `file:` URL. */
  readonly module: string;
  /** The export that makes the sink. */
  readonly name: string;
  /** What it is called with: values that JSON can hold. */
  readonly options: readonly unknown[];
}

/** A sink as the suite opens it. */
export interface SinkUnderTest {
  readonly sink: Sink;
  /** How another process opens the same; absent if it cannot. */
  readonly inChild?: SinkInChild;
}

export const sinkChild: string = fileURLToPath(new URL('sink-child.js', import.meta.url));
const execute = promisify(execFile);

export function newRun(): string {
  return newRunId(new Date().toISOString(), Math.random());
}

/** What tells a run from others with its id. */
export function identityFor(run: string, changes: Partial<RunIdentity> = {}): RunIdentity {
  return {
    pipeline: 'test',
    run,
    born: '00000000000b1',
    createdAt: '2026-11-27T00:00:00.000Z',
    graph: 'numbers numbers>saver',
    limits: { chunkSize: 100, maxBytes: 524_288 },
    params: {},
    ...changes,
  };
}

export function contextOf(run: string, overrides: Partial<SinkContext> = {}): SinkContext {
  const logger = { warn: () => undefined } as unknown as SinkContext['logger'];
  const info = { id: run, pipeline: 'test', params: {} };
  const identity = identityFor(run);
  const common = { run: info, identity, isRecovered: false, stage: 'saver', schema: sampleSchema };
  return { ...common, fence: 1, logger, ...overrides };
}

export function chunkOf(
  chunk: string,
  records: readonly unknown[],
  counts: Partial<Receipt['counts']> = {},
): SinkChunk {
  const body = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  const digest = records.length === 0 ? '' : chunkDigest(chunk, body);
  const base = { in: records.length, expanded: 0, filtered: 0, dead: 0, retries: 0 };
  const receipt = { chunk, counts: { ...base, ...counts }, digest, fence: 1, buried: [] };
  return { receipt, body };
}

/** `count` chunks of three records each. */
export function sampleChunks(count: number, first = 0): SinkChunk[] {
  return Array.from({ length: count }, (_, at) => {
    const seq = first + at;
    const records = [0, 1, 2].map((n) => ({ id: seq * 3 + n, text: `record ${n} of ${seq}` }));
    return chunkOf(String(seq), records);
  });
}

export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

export function recordsOf(chunk: Pick<StoredChunk, 'body'>): unknown[] {
  const lines = Buffer.from(chunk.body).toString().split('\n').slice(0, -1);
  return lines.map((line): unknown => JSON.parse(line));
}

/** Runs a process that commits `chunks`; resolves to how many were no duplicates. */
export async function commitInChild(
  inChild: SinkUnderTest['inChild'],
  run: string,
  chunks: readonly SinkChunk[],
): Promise<number> {
  const dir = await mkdtemp(path.join(tmpdir(), 'leat-child-'));
  try {
    const file = await writeChunks(dir, chunks);
    const identity = identityFor(run);
    const task = { sink: inChild, identity, file, together: 7, lanes: 3, rounds: 1 };
    const { stdout } = await execute(process.execPath, [sinkChild, JSON.stringify(task)]);
    return Number(stdout);
  } finally {
    await rm(dir, { recursive: true });
  }
}

export async function writeChunks(dir: string, chunks: readonly SinkChunk[]): Promise<string> {
  const file = path.join(dir, 'chunks.json');
  const plain = chunks.map(({ receipt, body }) => ({
    receipt,
    body: Buffer.from(body).toString(),
  }));
  await writeFile(file, JSON.stringify(plain));
  return file;
}
