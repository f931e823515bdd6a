import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deadSubject, type PipelineSpec, streamName } from '@leat/core';
import { startNatsServer } from '@leat/nats-server';
import type { DeadLetter } from '@leat/runtime';
import { connect } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { savedChunks } from '../support/saved-folder.ts';
import { DevSite } from '../support/dev.ts';
import { lineSpec, openPipeline, startServer } from '../support/jetstream.ts';
import { type Ended, fixture, leat, type LeatOptions, spawnLeat } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import { unreadPipe } from '../support/unread-pipe.ts';

const RUN = 'r1';
/** What a pipe and its two ends hold of what nobody has read, at most. */
const UNREAD_BYTES = 256 * 1024;

/** A server with a pipeline that nothing works on, and a directory to call `leat` in. */
interface Site {
  readonly options: LeatOptions;
  readonly spec: PipelineSpec;
  /** Puts messages on the stream of dead letters, as they are. */
  readonly bury: (bodies: readonly string[]) => Promise<void>;
  readonly createRuns: (count: number) => Promise<void>;
}

async function createSite(): Promise<Site> {
  const server = await startServer();
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const spec = lineSpec();
  const { connection } = await openPipeline(server, spec);
  return {
    options: { cwd: dir.path, env: { NATS_URL: server.url, LEAT_LOG_FORMAT: 'json' } },
    spec,
    bury: async (bodies) => {
      const subject = deadSubject(spec.name, RUN);
      await Promise.all(bodies.map((body) => connection.client.publish(subject, body)));
    },
    createRuns: async (count) => {
      for (let n = 1; n <= count; n++) {
        const createdAt = new Date(1_800_000_000_000 + n).toISOString();
        const request = { run: `r${n}`, pipeline: spec.name, params: {}, spec, createdAt };
        await connection.runs.create(request);
      }
    },
  };
}

function letter(pipeline: string, index: number, bytes = 1_000): string {
  return JSON.stringify({
    pipeline,
    run: RUN,
    stage: 'work',
    chunk: '0',
    index,
    position: `record ${index} of numbers`,
    attempts: 1,
    error: { name: 'Error', message: 'broken' },
    record: 'x'.repeat(bytes),
    at: '2026-11-27T00:00:00.000Z',
  } satisfies DeadLetter);
}

const letters = (pipeline: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => letter(pipeline, index));

/** Runs a command with its output in a file. */
async function toFile(
  args: readonly string[],
  options: LeatOptions,
  which: 'stdout' | 'stderr' = 'stdout',
): Promise<{ readonly ended: Ended; readonly text: string }> {
  const path = join(options.cwd, 'output.txt');
  const file = openSync(path, 'w');
  const ended = leat(args, { ...options, [which]: file });
  closeSync(file);
  return { ended: await ended, text: await readFile(path, 'utf8') };
}

/**
 * Runs a command whose reader begins only when the same command has ended, with its output in a file: by
 * then, one that does not wait for its reader has ended too.
 */
async function expectSame(
  args: readonly string[],
  options: LeatOptions,
  which: 'stdout' | 'stderr' = 'stdout',
): Promise<string> {
  const pipe = await unreadPipe(options.cwd);
  await using command = spawnLeat(args, { ...options, [which]: pipe.writeEnd });
  pipe.handOver();
  const { ended, text } = await toFile(args, options, which);
  await toFile(args, options, which);
  const read = await pipe.readAll();
  expect({ length: read.length, isSame: read === text }).toEqual({
    length: text.length,
    isSame: true,
  });
  expect(await command.ended).toMatchObject({ code: ended.code });
  return read;
}

test('dead list prints all of 1,000 letters to a slow reader', async () => {
  const { options, spec, bury } = await createSite();
  const bodies = letters(spec.name, 1_000);
  await bury(bodies);
  const text = await expectSame(['dead', 'list', '--json', RUN], options);
  expect(text.split('\n').length - 1).toBe(1_000);
  expect(text).toBe(bodies.map((body) => `${body}\n`).join(''));
});

test('dead list reads no further than its reader has room for, and ends when it goes away', async () => {
  const { options, spec, bury } = await createSite();
  await bury(letters(spec.name, 1_000));
  const spy = await connect({ servers: options.env?.['NATS_URL'] ?? '' });
  onTestFinished(() => spy.close());
  let asked = 0;
  const subject = `$JS.API.STREAM.MSG.GET.${streamName(spec.name, 'dead')}`;
  spy.subscribe(subject, { callback: () => void asked++ });
  await spy.flush();
  const pipe = await unreadPipe(options.cwd);
  await using command = spawnLeat(['dead', 'list', '--json', RUN], {
    ...options,
    stdout: pipe.writeEnd,
  });
  pipe.handOver();
  await until('the pipe is full', () => asked >= 50);
  // While somebody else asks the server as often, one that did not wait would read everything.
  for (let n = 0; n < 10_000; n++) await spy.flush();
  expect(asked).toBeLessThan(UNREAD_BYTES / 1_000);
  pipe.leave();
  expect(await command.ended).toMatchObject({ code: 141, stderr: '' });
  expect(asked).toBeLessThan(UNREAD_BYTES / 1_000);
});

test('dead show prints the whole of a big letter to a slow reader', async () => {
  const { options, spec, bury } = await createSite();
  const big = letter(spec.name, 7, 700_000);
  await bury([big]);
  const show = ['dead', 'show', RUN, '0', '7'];
  expect(await expectSame([...show, '--json'], options)).toBe(`${big}\n`);
  expect(await expectSame(show, options)).toContain(`record\n${'x'.repeat(700_000)}\n`);
});

test('status prints all of 300 runs to a slow reader, as JSON and as text', async () => {
  const { options, createRuns } = await createSite();
  await createRuns(300);
  const reports = JSON.parse(await expectSame(['status', '--json'], options)) as { run: string }[];
  expect(reports.map(({ run }) => run)).toEqual(reports.map((_, at) => `r${at + 1}`));
  expect(reports).toHaveLength(300);
  const lines = (await expectSame(['status'], options)).trimEnd().split('\n');
  expect(lines).toHaveLength(300);
});

// What is a little more than a pipe holds has all been given to the stream before any of it is waited for.
test.each([2_600, 12_000])(
  'export prints every one of %d records to a slow reader',
  async (count) => {
    await using site = await DevSite.create('squares.ts');
    await site.run({ count }, '--run', RUN);
    await using server = await startNatsServer({ storeDir: join(site.dir, '.leat', 'nats') });
    const options = { cwd: site.dir, env: { NATS_URL: server.url } };
    const text = await expectSame(['export', RUN, fixture('squares.ts')], options);
    expect(text.split('\n').length - 1).toBe(count);
  },
);

test('what is said of an error, and logged before the end, reaches a slow reader', async () => {
  const { options, spec, bury } = await createSite();
  const long = 'x'.repeat(100_000);
  expect(await expectSame([long], options, 'stderr')).toContain(`${long}": use one of init, dev, `);
  await bury([letter(spec.name, 0)]);
  await bury(Array.from({ length: 1_000 }, () => 'null'));
  const args = ['dead', 'show', RUN, '0', '1'];
  const pipe = await unreadPipe(options.cwd);
  await using command = spawnLeat(args, { ...options, stderr: pipe.writeEnd });
  pipe.handOver();
  await leat(args, options);
  await leat(args, options);
  const log = await pipe.readAll();
  expect(log.match(/a message that is no dead letter is left out/g)).toHaveLength(1_000);
  expect(log).toMatch(/no such dead letter of record 1 [^\n]+\n$/);
  expect(await command.ended).toMatchObject({ code: 2 });
});

test('what is said of an error that nobody caught is said to its end', async () => {
  const { options } = await createSite();
  const params = ['--param', 'mode=throw-later', '--param', 'padding=300000'];
  const pipe = await unreadPipe(options.cwd);
  await using command = spawnLeat(['dev', fixture('unruly.ts'), ...params], {
    ...options,
    stderr: pipe.writeEnd,
  });
  pipe.handOver();
  const log = await pipe.readAll();
  expect(await command.ended).toMatchObject({ code: 1 });
  expect(log).toMatch(/thrown later!{300000}\n {4}at [^]+\n$/);
});

test('Ctrl-C twice ends dev although nobody reads what it prints', async () => {
  await using site = await DevSite.create('unruly.ts');
  const pipe = await unreadPipe(site.dir);
  const params = ['mode=talk', 'count=20000', 'hold=15000'].flatMap((each) => ['--param', each]);
  await using command = spawnLeat(['dev', fixture('unruly.ts'), '--run', RUN, ...params], {
    cwd: site.dir,
    stderr: pipe.writeEnd,
  });
  pipe.handOver();
  // By now it has printed more than a pipe holds.
  const isFull = async (): Promise<boolean> =>
    (await savedChunks(join(site.dir, 'out', RUN))) >= 200;
  await until('it has printed much', isFull);
  command.kill('SIGINT');
  command.kill('SIGTERM');
  expect(await command.ended).toMatchObject({ code: 130 });
});

test.each([
  ['stdout', 141],
  ['stderr', 0],
] as const)(
  'dev goes on with its run when the reader of its %s goes away, and ends with %d',
  async (which, code) => {
    await using site = await DevSite.create('unruly.ts');
    const pipe = await unreadPipe(site.dir);
    const params = ['mode=talk', 'count=3000', 'hold=1500'].flatMap((each) => ['--param', each]);
    const args = ['dev', fixture('unruly.ts'), '--run', RUN, '--report', 'report.json', ...params];
    const options = { cwd: site.dir, env: { LEAT_LOG_LEVEL: 'debug' } };
    await using command = spawnLeat(args, { ...options, [which]: pipe.writeEnd });
    pipe.handOver();
    if (which === 'stderr') expect(await pipe.readSome()).not.toBe('');
    pipe.leave();
    await site.letGo();
    expect(await command.ended).toMatchObject({ code, signal: null });
    expect(JSON.parse(await readFile(join(site.dir, 'report.json'), 'utf8'))).toMatchObject({
      state: 'completed',
      records: { in: 3_000, saved: 3_000 },
    });
  },
);

test('a result that its reader did not wait for is not exit code 0', async () => {
  await using site = await DevSite.create('squares.ts');
  await site.run({ count: 2_000 }, '--run', RUN);
  const options = { cwd: site.dir };
  const headOf = async (...args: readonly string[]): Promise<Ended> => {
    const pipe = await unreadPipe(site.dir);
    await using command = spawnLeat(args, { ...options, stdout: pipe.writeEnd });
    pipe.handOver();
    pipe.leave();
    return await command.ended;
  };
  expect(await headOf('export', RUN)).toMatchObject({ code: 141, stderr: '' });
  expect(await headOf('verify', RUN)).toMatchObject({ code: 141, stderr: '' });
  expect(await headOf('status', '--json')).toMatchObject({ code: 141, stderr: '' });
  expect(await headOf('--help')).toMatchObject({ code: 141, stderr: '' });
  expect(await headOf('export', 'r2')).toMatchObject({ code: 2 });
});

test('what cannot be written is said, with exit code 1', async () => {
  const { options, createRuns } = await createSite();
  await createRuns(100);
  const full = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(full));
  for (const args of [['status', '--json'], ['status'], ['--help']]) {
    expect(await leat(args, { ...options, stdout: full })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^leat: Standard output .*ENOSPC.*\n$/),
    });
  }
  // The first bytes fit, and a write says how many.
  const limited = ['sh', '-c', 'ulimit -f 8; exec "$@"', 'sh'];
  const { ended, text } = await toFile(['status', '--json'], { ...options, within: limited });
  expect(text.length).toBeGreaterThan(0);
  expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('EFBIG') });
});
