import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { retryPolicy } from '@leat/core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { recordingLogger, type RecordingLogger } from '../../../test/support/recording-logger.ts';
import { until } from '../../../test/support/until.ts';
// The built one: its process loads its program by its file.
import { Quarantine } from '../dist/quarantine.js';
import type { ServiceJob } from './job.ts';

const SOURCE = `
import { appendFileSync } from 'node:fs';
import { BusyError, fetcher, mapper, pipeline, saver } from '@leat/sdk';
import { z } from 'zod';

const schema = z.object({ n: z.number() });
const numbers = fetcher('numbers', { source: { kind: 'none', async *chunks() {} }, schema });
const calls = new URL('./calls.txt', import.meta.url);
let busy = 0;
let endIt;
const work = mapper('work', {
  from: numbers, schema, retry: { initialDelayMs: 400, jitter: 'none' },
  mapChunk: async (records, { run }) => {
    appendFileSync(calls, run.id + ' ' + process.pid + '\\n');
    const has = (wanted) => records.some(({ n }) => n === wanted);
    if (has(1_000)) for (;;);
    if (has(1_001)) await new Promise(() => undefined);
    if (has(1_003) && busy++ < 3) throw new BusyError('busy');
    if (has(1_004) && busy++ < 1) throw new BusyError('busy');
    if (has(1_004)) for (;;);
    // What it leaves running ends the process when the next chunk is worked on.
    if (has(1_005)) void new Promise((resolve) => { endIt = resolve; }).then(() => process.exit(3));
    if (has(1_006) && endIt) {
      endIt();
      await new Promise(() => undefined);
    }
    if (has(1_007)) for (const message of ['ready', null, { clock: 'x' }, { result: {} }]) process.send(message);
    if (has(1_008)) process.disconnect();
    if (has(1_009)) void Promise.reject(new Error('late'));
    return records;
  },
});
const saved = mapper('saved', {
  from: numbers, schema, retry: 1,
  map: async ({ n }) => {
    if (n === 1) process.exit(3);
    if (n >= 2) for (;;);
    return { n };
  },
  recover: ({ n }, { error, attempts }) => {
    if (n === 3) process.exit(4);
    if (n === 4) for (;;);
    return { n: (error.name === 'ProcessDied' ? 1_000 : 2_000) + attempts };
  },
});
const more = saver('more', { from: saved, sink: { kind: 'none', open: async () => { throw new Error(); } } });
const out = saver('out', { from: work, sink: { kind: 'none', open: async () => { throw new Error(); } } });
export default pipeline('p', { savers: [out, more] });
`;

const NEVER = new AbortController().signal;
let directory: string;
let pipelineFile: string;

beforeAll(async () => {
  // Inside the package, so that the file finds Leat.
  directory = await mkdtemp(fileURLToPath(new URL('../.test-', import.meta.url)));
  pipelineFile = join(directory, 'pipeline.mjs');
  await writeFile(pipelineFile, SOURCE);
});

afterAll(() => rm(directory, { recursive: true }));

const work = { type: 'map', apply: () => undefined } as const;

function dataOf() {
  return {
    pipelineFile,
    stage: 'work',
    log: { format: 'json', level: 'silent' },
  } as const;
}

function start(timeoutMs: number | undefined): { quarantine: Quarantine; logger: RecordingLogger } {
  const logger = recordingLogger();
  const quarantine = new Quarantine(
    dataOf(),
    { retry: retryPolicy({ attempts: 2, initialDelayMs: 1 }), timeoutMs, work },
    { logger },
  );
  onTestFinished(() => quarantine.close());
  return { quarantine, logger };
}

/** A hundred records, one of them `bad`. */
function jobWith(bad: number, run: string): ServiceJob {
  const numbers = Array.from({ length: 100 }, (_, n) => (n === 42 ? bad : n));
  return {
    run: { id: run, pipeline: 'p', params: {} },
    given: { id: run, pipeline: 'p', params: {} },
    limits: { chunkSize: 100, maxBytes: 1_000_000 },
    chunk: '0',
    body: Buffer.from(numbers.map((n) => `{"n":${n}}\n`).join('')),
    records: 100,
    position: { source: 'a', unit: 'line', first: 1 },
  };
}

/** The processes that worked for a run, one for each call. */
async function callsOf(run: string): Promise<string[]> {
  const calls = await readFile(join(directory, 'calls.txt'), 'utf8').catch(() => '');
  return calls.split('\n').filter((line) => line.startsWith(`${run} `));
}

test.each([
  ['is waited for for ever', 1_001],
  ['loops for ever after somebody was busy', 1_004],
])(
  'a record that %s stands alone after 15 executions',
  async (_, bad) => {
    const { quarantine, logger } = start(500);
    const { pieces, dead } = await quarantine.run(jobWith(bad, `run-${bad}`), 'a reason', NEVER);
    expect(pieces.map(({ records }) => records)).toEqual([99]);
    expect(dead).toMatchObject([
      {
        index: 42,
        position: 'line 43 of a',
        record: `{"n":${bad}}`,
        error: {
          name: 'TimedOut',
          message: 'it was worked on for longer than 500 ms, the timeoutMs of its stage',
        },
      },
    ]);
    const busy = bad === 1_004 ? 8 : 0; // each process is told so once
    expect((await callsOf(`run-${bad}`)).length - busy).toBe(15);
    expect(logger.at('warn')).toEqual(['chunk worked on in quarantine: a reason']);
  },
  60_000,
);

test.each([
  ['ended its process', 1, '{"n":1001}\n', undefined],
  ['never ended', 2, '{"n":2001}\n', undefined],
  [
    'never ended, and its recover ends the process',
    3,
    '',
    { name: 'ProcessDied', cause: { name: 'TimedOut' } },
  ],
  [
    'never ended, and neither does its recover',
    4,
    '',
    { name: 'TimedOut', cause: { name: 'TimedOut' } },
  ],
])('a record that %s is recovered in a process of its own, or dead', async (...given) => {
  const [, n, text, error] = given;
  const recover = (): never => {
    throw new Error('it is called in this process');
  };
  const quarantine = new Quarantine(
    { ...dataOf(), stage: 'saved' },
    { retry: retryPolicy(1), timeoutMs: 500, work, recover },
    { logger: recordingLogger() },
  );
  onTestFinished(() => quarantine.close());
  const done = await quarantine.run(jobOf(n, `recover-${n}`), 'a reason', NEVER);
  expect(done.pieces.map(({ body }) => Buffer.from(body).toString()).join('')).toBe(text);
  expect(done.recovered).toBe(text === '' ? 0 : 1);
  expect(done.dead).toMatchObject(error === undefined ? [] : [{ attempts: 1, error }]);
});

test('what waits for somebody busy does not time out', async () => {
  const { quarantine } = start(500);
  const { pieces, dead } = await quarantine.run(jobWith(1_003, 'busy'), 'a reason', NEVER);
  expect([pieces.map(({ records }) => records), dead]).toEqual([[100], []]);
  expect(await callsOf('busy')).toHaveLength(4);
});

/** One record. */
function jobOf(n: number, run: string): ServiceJob {
  return { ...jobWith(n, run), body: Buffer.from(`{"n":${n}}\n`), records: 1 };
}

test('its process is killed while it has nothing to do: the next one works', async () => {
  const { quarantine } = start(undefined);
  await quarantine.run(jobOf(1, 'idle'), 'a reason', NEVER);
  const first = await workerOf('idle');
  process.kill(first, 'SIGKILL');
  await until('the process is gone', () => !isAlive(first));
  const { pieces, dead } = await quarantine.run(jobOf(2, 'idle'), 'a reason', NEVER);
  expect([pieces.map(({ records }) => records), dead]).toEqual([[1], []]);
  expect(new Set(await callsOf('idle')).size).toBe(2);
});

test('what a chunk left running is not booked against the next', async () => {
  const { quarantine } = start(undefined);
  for (const n of [1_005, 1_006]) {
    const { pieces, dead } = await quarantine.run(jobOf(n, 'left'), 'a reason', NEVER);
    expect([pieces.map(({ records }) => records), dead]).toEqual([[1], []]);
  }
  expect(await callsOf('left')).toHaveLength(3);
});

test.each([
  ['sends messages of its own', 1_007],
  ['leaves a promise to be rejected', 1_009],
])('user code that %s disturbs nothing', async (_, n) => {
  const { quarantine } = start(undefined);
  const { pieces } = await quarantine.run(jobOf(n, `own-${n}`), 'a reason', NEVER);
  expect(pieces).toHaveLength(1);
  expect((await quarantine.run(jobOf(1, `own-${n}`), 'a reason', NEVER)).pieces).toHaveLength(1);
});

test('a record that closes the channel of its process is dead, and the next one is saved', async () => {
  const { quarantine } = start(undefined);
  const { dead } = await quarantine.run(jobOf(1_008, 'closes'), 'a reason', NEVER);
  expect(dead).toMatchObject([{ error: { name: 'ProcessDied' } }]);
  expect((await quarantine.run(jobOf(1, 'closes'), 'a reason', NEVER)).pieces).toHaveLength(1);
});

test.each([
  ['does not parse', 'export default {', 'cannot be loaded: '],
  [
    'has another stage',
    SOURCE.replace("mapper('work'", "mapper('other'"),
    'has no mapper work any more.',
  ],
  ['ends its process', 'process.exit(7);', 'it ended (exit code 7).'],
])(
  'a pipeline file that %s now: no record is dead, and all goes on when it is mended',
  async (...given) => {
    const [, text, reason] = given;
    const file = join(directory, `edited-${given[0].replaceAll(' ', '-')}.mjs`);
    const quarantine = new Quarantine(
      { ...dataOf(), pipelineFile: file },
      { retry: retryPolicy(1), timeoutMs: undefined, work },
      { logger: recordingLogger() },
    );
    onTestFinished(() => quarantine.close());
    await writeFile(file, text);
    const refused = quarantine.run(jobWith(0, 'edited'), 'a reason', NEVER);
    await expect(refused).rejects.toMatchObject({
      code: 'invalid-pipeline',
      message: expect.stringContaining(reason),
    });
    await writeFile(file, SOURCE);
    const { pieces } = await quarantine.run(jobWith(0, 'edited'), 'a reason', NEVER);
    expect(pieces.map(({ records }) => records)).toEqual([100]);
  },
);

test('an abort ends the process, even in an endless loop', async () => {
  const { quarantine } = start(undefined);
  const abort = new AbortController();
  const working = quarantine.run(jobWith(1_000, 'abort'), 'a reason', abort.signal);
  await until('it loops', async () => (await callsOf('abort')).length === 1);
  abort.abort(new Error('enough'));
  await expect(working).rejects.toThrow('enough');
  await until('the process is gone', async () => !isAlive(await workerOf('abort')));
});

test('its process ends with its parent, even in an endless loop', async () => {
  const job = { ...jobWith(1_000, 'orphan'), body: undefined };
  const program = join(directory, 'parent.mjs');
  await writeFile(
    program,
    `
    import { Quarantine } from ${JSON.stringify(new URL('../dist/quarantine.js', import.meta.url).href)};
    const job = { ...${JSON.stringify(job)}, body: Buffer.from('{"n":1000}\\n'), records: 1 };
    const quarantine = new Quarantine(${JSON.stringify(dataOf())}, { retry: { attempts: 1 } }, { logger: { warn: () => undefined } });
    await quarantine.run(job, 'a reason', new AbortController().signal);
    `,
  );
  const parent = spawn(process.execPath, [program]);
  onTestFinished(() => void parent.kill('SIGKILL'));
  await until('it loops', async () => (await callsOf('orphan')).length === 1);
  const worker = await workerOf('orphan');
  expect(isAlive(worker)).toBe(true);
  parent.kill('SIGKILL');
  await until('the process is gone', () => !isAlive(worker));
});

async function workerOf(run: string): Promise<number> {
  const [first = ''] = await callsOf(run);
  return Number(first.split(' ')[1]);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
