// A saver's process in tests: commits the chunks of a file through a sink of its own. It is started with
// one argument, a `Task` as JSON, and prints how many were no duplicates; a dot goes to standard error for
// each commit.
import files, { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { Receipt, RunIdentity } from '@leat/core';
import type { Sink, SinkContext } from '@leat/sdk';
import { z } from 'zod';
import type { SinkInChild } from './sink-under-test.ts';

interface Task {
  readonly sink: SinkInChild;
  readonly identity: RunIdentity;
  /** The chunks, as `writeChunks` writes them. */
  readonly file: string;
  /** How many chunks go into one commit. */
  readonly together: number;
  /** How many commits are under way at a time. */
  readonly lanes: number;
  readonly rounds: number;
  /** It sends itself signals before calls of the file system, once the sink is open: of any, or of one name. */
  readonly signalsBefore?: readonly {
    readonly signal: 'SIGSTOP' | 'SIGKILL';
    readonly call?: (typeof CALLS)[number];
    /** From 1. */
    readonly nth: number;
  }[];
}

/** What a sink of files calls when it commits. */
const CALLS = [
  'existsSync',
  'openSync',
  'writevSync',
  'fstatSync',
  'fdatasync',
  'closeSync',
  'linkSync',
  'unlinkSync',
] as const;

const task = JSON.parse(process.argv[2] ?? '') as Task;
const { sink, identity, file, together, lanes, rounds, signalsBefore = [] } = task;
const module = (await import(sink.module)) as Record<string, (...options: unknown[]) => Sink>;
const make = module[sink.name];
if (make === undefined) throw new Error(`${sink.module} has no export ${sink.name}`);
const session = await make(...sink.options).open({
  run: { id: identity.run, pipeline: identity.pipeline, params: {} },
  identity,
  isRecovered: false,
  stage: 'saver',
  fence: 1,
  schema: z.object({ id: z.int(), text: z.string() }),
  logger: { warn: () => undefined } as unknown as SinkContext['logger'],
});
const plain = JSON.parse(readFileSync(file, 'utf8')) as { receipt: Receipt; body: string }[];
const chunks = plain.map(({ receipt, body }) => ({ receipt, body: Buffer.from(body) }));
for (const { signal, call, nth } of signalsBefore) {
  const patched = files as unknown as Record<string, (...args: unknown[]) => unknown>;
  let calls = 0;
  for (const name of call === undefined ? CALLS : [call]) {
    const original = patched[name] as (...args: unknown[]) => unknown;
    patched[name] = (...args) => {
      if (++calls === nth) process.kill(process.pid, signal);
      return original(...args);
    };
  }
  syncBuiltinESMExports();
}
let committed = 0;
for (let round = 0; round < rounds; round++) {
  const batches: (typeof chunks)[] = [];
  for (let at = 0; at < chunks.length; at += together) {
    batches.push(chunks.slice(at, at + together));
  }
  const lane = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      for (const { isDuplicate } of await session.commit(batch)) if (!isDuplicate) committed++;
      process.stderr.write('.');
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
await session.close();
process.stdout.write(String(committed));
