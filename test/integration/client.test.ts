import { mkdir } from 'node:fs/promises';
import { bucketName, FIRST_CHECKPOINT, isEnded, LeatError, type RunReport } from '@leat/core';
import { connect, formatFailedChunk, type Leat, parseFailedChunk } from '@leat/operate';
import { startNatsServer } from '@leat/nats-server';
import { loadPipeline, Runs } from '@leat/runtime';
import type { Pipeline } from '@leat/sdk';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats, errors } from '@nats-io/transport-node';
import { expect, onTestFinished, test, vi } from 'vitest';
import { pauseRun } from '../../packages/operate/src/runs/pause-run.ts';
import { listRuns } from '../../packages/operate/src/runs/list-runs.ts';
import { explained, type Site } from '../../packages/operate/src/site.ts';
import { DEADLINE_MS, Deployment } from '../support/deployment.ts';
import { startServer } from '../support/jetstream.ts';
import { fixture } from '../support/leat.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { until } from '../support/until.ts';

const steady = await loadPipeline(fixture('steady.ts'));
const squares = await loadPipeline(fixture('squares.ts'));

async function clientOf(servers: string): Promise<Leat> {
  const leat = await connect({ servers });
  onTestFinished(() => leat.close());
  return leat;
}

/** What a promise is rejected with. */
async function refusalOf(doing: Promise<unknown>): Promise<LeatError> {
  const error = await doing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof LeatError) return error;
  throw new Error('it was not refused with a LeatError', { cause: error });
}

test('a program starts a run, watches it, pauses and resumes it, and awaits its end', async () => {
  await using site = await Deployment.create('steady.ts');
  await using leat = await connect({ servers: [site.server.url] });
  const params = { count: '2000', delayMs: '10', hold: '1000' };
  const run = await leat.start(steady, { params, run: 'monday' });
  expect({ id: run.id, pipeline: run.pipeline }).toEqual({ id: 'monday', pipeline: 'steady' });
  expect(await run.report()).toMatchObject({ state: 'pending', records: { saved: 0 } });
  for (const role of ['fetcher', 'mapper', 'saver'] as const) site.service(role);

  const seen: RunReport[] = [];
  const watching = (async () => {
    for await (const report of run.reports()) seen.push(report);
  })();
  await until(
    'it is seen to go on',
    () => seen.some(({ records }) => records.saved > 0),
    DEADLINE_MS,
  );
  await run.pause();
  await until('it is seen to pause', () => seen.at(-1)?.state === 'paused', DEADLINE_MS);
  await (await leat.run('monday')).resume();
  await until('it is seen to go on', () => seen.at(-1)?.state === 'running', DEADLINE_MS);
  await site.letGo();
  const last = await run.completed();
  expect(last).toMatchObject({ state: 'completed', records: { in: 2_000, saved: 2_000 } });
  await watching;
  expect(seen.at(-1)).toEqual(last);
  expect(seen.filter(({ state }) => isEnded(state))).toHaveLength(1);

  // Another one of the same id cannot be had, and nothing can be done with one that has ended.
  expect(await refusalOf(leat.start(steady, { params, run: 'monday' }))).toMatchObject({
    code: 'run-exists',
  });
  for (const refused of [() => run.pause(), () => run.resume(), () => run.cancel()]) {
    expect(await refusalOf(refused())).toMatchObject({ code: 'run-state' });
  }
  await site.untilEnded();
});

test('what a run saved is verified and exported where its sinks are', async () => {
  await using site = await Deployment.create('squares.ts');
  const leat = await clientOf(site.server.url);
  const params = { count: '1000', out: site.out('squares') };
  const run = await leat.start(squares, { params });
  expect(await refusalOf(firstOf(leat.export(run.id, squares)))).toMatchObject({
    code: 'run-state',
  });
  for (const role of ['fetcher', 'mapper', 'saver'] as const) site.service(role);
  await run.completed();
  expect(await leat.verify(run.id, squares)).toEqual({
    run: run.id,
    chunks: 10,
    records: 1_000,
    findings: [],
  });
  let text = '';
  for await (const { body } of leat.export(run.id, squares)) text += Buffer.from(body).toString();
  expect(text.trimEnd().split('\n')).toHaveLength(1_000);
  expect(text.startsWith('{"n":0,"square":0}\n{"n":1,"square":1}\n')).toBe(true);
  expect(await refusalOf(firstOf(leat.export(run.id, squares, { saver: 'others' })))).toMatchObject(
    {
      code: 'invalid-configuration',
    },
  );
  const { findings, server } = await leat.doctor({ pipeline: squares });
  expect(server.version).toMatch(/^\d+\.\d+/);
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
});

test.each(['run', 'progress'])(
  'a run whose %s only a newer version can read is left out of the list, and named',
  async (kind) => {
    const { url } = await startServer();
    const logger = recordingLogger();
    const leat = await connect({ servers: url, logger });
    onTestFinished(() => leat.close());
    for (const run of ['s0', 's1']) await leat.start(squares, { run });
    const nats = await connectNats({ servers: url });
    onTestFinished(() => nats.close());
    const subject = `$KV.${bucketName('squares')}.${kind}.s0`;
    await nats.request(subject, JSON.stringify({ v: 99 }));
    // What is left out takes no room on a page; an entry that was written again comes last.
    const listed = await allOf(leat.runs.list(kind === 'progress' ? { limit: 1 } : {}));
    expect(listed.map(({ run }) => run)).toEqual(['s1']);
    expect(logger.at('warn')).toEqual([
      expect.stringMatching(new RegExp(`^the run s0 is left out: The entry ${kind}.s0 of `, 'u')),
    ]);
  },
);

test('runs are listed page by page, at two reads for each that is given', async () => {
  const { url } = await startServer();
  const leat = await clientOf(url);
  const ids: string[] = [];
  for (let nth = 0; nth < 40; nth++) ids.push((await leat.start(squares, { run: `s${nth}` })).id);
  await leat.start(steady, { run: 's0' });
  const listed = await allOf(leat.runs.list());
  expect(listed.map(({ pipeline, run }) => `${pipeline}/${run}`)).toEqual([
    ...ids.map((id) => `squares/${id}`),
    'steady/s0',
  ]);
  const found: string[] = [];
  for (let after: RunReport | undefined; ;) {
    const page: RunReport[] = await allOf(leat.runs.list({ limit: 7, ...(after && { after }) }));
    if (page.length === 0) break;
    expect(page.length).toBeLessThanOrEqual(7);
    found.push(...page.map(({ pipeline, run }) => `${pipeline}/${run}`));
    after = page.at(-1);
  }
  expect(found).toEqual(listed.map(({ pipeline, run }) => `${pipeline}/${run}`));
  const [only, ...more] = await allOf(leat.runs.list({ pipeline: 'steady' }));
  expect({ pipeline: only?.pipeline, more }).toEqual({ pipeline: 'steady', more: [] });
  expect(
    await refusalOf(firstOf(leat.runs.list({ after: { pipeline: 'squares', run: 'gone' } }))),
  ).toMatchObject({ code: 'run-unknown' });

  const nats = await connectNats({ servers: url });
  const signing = undefined;
  const site = { nats, address: url, signing, topology: {} as never, logger: {} as never };
  const before = nats.stats().outMsgs;
  expect(await allOf(listRuns(site, { limit: 5 }))).toHaveLength(5);
  // The buckets: a list, and each opened; then the runs. Nothing for the other 36.
  expect(nats.stats().outMsgs - before).toBeLessThan(30);
  await nats.close();
});

test('a server that has lost its runs does not say that there were none', async () => {
  const { url } = await startServer();
  const leat = await clientOf(url);
  await leat.start(squares, { run: 'monday' });
  await leat.start(steady, { run: 'monday' });
  const nats = await connectNats({ servers: url });
  onTestFinished(() => nats.close());
  const { streams } = await jetstreamManager(nats);
  await streams.purge(`KV_${bucketName('squares')}`);
  const listed: string[] = [];
  const list = async (): Promise<void> => {
    for await (const { pipeline } of leat.runs.list()) listed.push(pipeline);
  };
  const refusal = await refusalOf(list());
  expect(listed).toEqual(['steady']);
  expect(refusal).toMatchObject({
    code: 'run-unknown',
    message: expect.stringMatching(/^The server had runs in KV_leat_squares and has lost them/),
  });
  // A pipeline that has had none yet is none of it.
  await streams.delete(`KV_${bucketName('squares')}`);
  await Runs.open(jetstream(nats), bucketName('squares'), 1, { signing: undefined });
  expect((await allOf(leat.runs.list())).map(({ pipeline }) => pipeline)).toEqual(['steady']);
});

test('a run is found by its id, of the pipeline that is named, and it is said where there is none', async () => {
  const { url } = await startServer();
  const leat = await clientOf(url);
  await leat.start(squares, { run: 'monday' });
  await leat.start(steady, { run: 'monday' });
  expect(await refusalOf(leat.run('monday'))).toMatchObject({
    code: 'invalid-configuration',
    message: expect.stringContaining('(squares, steady)'),
  });
  expect((await leat.run('monday', { pipeline: 'steady' })).pipeline).toBe('steady');
  const none = await refusalOf(leat.run('tuesday', { pipeline: 'steady' }));
  expect(none.code).toBe('run-unknown');
  expect(none.message).toContain(
    `There is no run "tuesday" of the pipeline steady on the NATS server at ${leat.address}`,
  );
});

test.each([
  [
    'connect to null',
    () => connect(null as never),
    'What connect is given must be an object; it is null.',
  ],
  [
    'connect to a number',
    () => connect({ servers: 5 as never }),
    'The option servers must be an address such as "nats://127.0.0.1:4222", or a list of addresses; it is 5.',
  ],
])('what cannot be connected to is refused: %s', async (_, doing, message) => {
  expect(await refusalOf(doing())).toMatchObject({ code: 'invalid-configuration', message });
});

test('what is no pipeline, and what are no parameters, is refused; an undefined parameter is not given', async () => {
  const { url } = await startServer();
  const leat = await clientOf(url);
  const pipelineIs = (what: string): object => ({
    code: 'invalid-pipeline',
    message: `The pipeline must be what pipeline(…) returns; it is ${what}.`,
  });
  expect(await refusalOf(leat.start({} as never))).toMatchObject(pipelineIs('an object'));
  expect(await refusalOf(leat.start(undefined as never))).toMatchObject(pipelineIs('undefined'));
  expect(await refusalOf(leat.verify('r1', undefined as never))).toMatchObject(
    pipelineIs('undefined'),
  );
  expect(await refusalOf(leat.start(squares, { params: null as never }))).toMatchObject({
    code: 'invalid-configuration',
    message: 'The option params must be an object; it is null.',
  });
  const params = { count: '10', out: undefined as never };
  await leat.start(squares, { params, run: 'r1' });
  const nats = await connectNats({ servers: url });
  onTestFinished(() => nats.close());
  const [runs] = await Runs.openAll(nats, { pipeline: 'squares', signing: undefined });
  expect((await runs?.get('r1'))?.params).toEqual({ count: '10' });
});

test('what the client of NATS did not throw is not taken for a server that is away', async () => {
  const thrown = new TypeError('a mistake');
  const nats = { flush: () => Promise.reject(thrown) };
  const site = { address: 'nats://n', nats } as unknown as Site;
  await expect(explained(site, Promise.reject(thrown))).rejects.toBe(thrown);
  const silence = new errors.RequestError('no', { cause: new errors.TimeoutError() });
  expect(await refusalOf(explained(site, Promise.reject(silence)))).toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining('The NATS server at nats://n does not answer any more'),
  });
});

test('a run that failed is resumed, and one that is being cancelled is not', async () => {
  await using site = await Deployment.create('guarded.ts');
  const guarded: Pipeline = await loadPipeline(site.file);
  const leat = await clientOf(site.server.url);
  const run = await leat.start(guarded, { params: { count: '100', fail: 'yes' }, run: 'r1' });
  for (const role of ['fetcher', 'mapper', 'saver'] as const) site.replica(role);
  expect(await refusalOf(run.completed())).toMatchObject({
    code: 'run-failed',
    message: expect.stringContaining('The run r1 failed: '),
  });
  await mkdir(`${site.dir}/mended`);
  await run.resume();
  const ended = await run.completed();
  expect(ended).toMatchObject({ state: 'completed', records: { in: 100 } });
  expect(ended).not.toHaveProperty('reason');

  const held = await leat.start(guarded, { params: { count: '100', hold: '50' }, run: 'r2' });
  await until('it goes on', async () => (await held.report()).state === 'running', DEADLINE_MS);
  const waiting = refusalOf(held.completed());
  const cancelling = held.cancel();
  await until(
    'it is to be cancelled',
    async () => (await refusedResume(held.resume()))?.code === 'run-state',
    DEADLINE_MS,
  );
  await cancelling;
  expect(await waiting).toMatchObject({
    code: 'run-state',
    message: expect.stringContaining('cancelled'),
  });
});

test('a run goes on being watched when the server was away, and not when the client is closed', async () => {
  const server = await startNatsServer();
  onTestFinished(() => server.stop());
  const leat = await clientOf(server.url);
  const run = await leat.start(squares, { run: 'r1' });
  const reports = run.reports();
  expect((await reports.next()).value).toMatchObject({ state: 'pending' });
  const next = reports.next();
  await server.kill();
  // Not with run.cancel(): it would wait for a fetcher.
  expect(await refusalOf(run.report())).toMatchObject({ code: 'unreachable' });
  await server.restart();
  const nats = await connectNats({ servers: server.url });
  onTestFinished(() => nats.close());
  const [runs] = await Runs.openAll(nats, { pipeline: 'squares', signing: undefined });
  const at = new Date().toISOString();
  const progress = {
    fence: 7,
    holder: 'x',
    startedAt: at,
    updatedAt: at,
    ledger: FIRST_CHECKPOINT,
  };
  await runs?.save('r1', { state: 'running', ...progress }, 0);
  expect((await next).value).toMatchObject({ state: 'running' });
  await leat.close();
  expect(await refusalOf(reports.next())).toMatchObject({ code: 'unreachable' });
});

test('a cancel that comes while a run is being paused wins', async () => {
  const { url } = await startServer();
  const leat = await clientOf(url);
  await leat.start(squares, { run: 'r1' });
  const nats = await connectNats({ servers: url });
  onTestFinished(() => nats.close());
  const [runs] = await Runs.openAll(nats, { pipeline: 'squares', signing: undefined });
  const request = await runs?.get('r1');
  if (runs === undefined || request === undefined) throw new Error('the run is not there');
  const { wishes } = runs;
  const get = wishes.get.bind(wishes);
  vi.spyOn(wishes, 'get').mockImplementationOnce(async (run) => {
    const wish = await get(run);
    await wishes.set(run, 'cancel');
    return wish;
  });
  expect(await refusalOf(pauseRun({ request, runs }))).toMatchObject({
    code: 'run-state',
    message: 'The run r1 is being cancelled: it cannot be paused.',
  });
  expect(await get('r1')).toBe('cancel');
});

test('a run that no fetcher takes up is cancelled without one, and says what it does not count', async () => {
  const { url } = await startServer();
  const leat = await clientOf(url);
  const queued = await leat.start(squares, { run: 'queued' });
  await queued.cancel();
  const report = await queued.report();
  expect(report).toMatchObject({ state: 'cancelled', records: { saved: 0 } });
  expect(report).not.toHaveProperty('reason');

  // A fetcher gave this one back with three chunks in flight, and its pipeline file is gone.
  const left = await leat.start(squares, { run: 'left' });
  const nats = await connectNats({ servers: url });
  const [runs] = await Runs.openAll(nats, { pipeline: 'squares', signing: undefined });
  const at = new Date().toISOString();
  const ledger = { ...FIRST_CHECKPOINT, next: 3 };
  await runs?.save('left', { state: 'running', fence: 7, startedAt: at, updatedAt: at, ledger }, 0);
  await left.cancel();
  expect(await left.report()).toMatchObject({
    state: 'cancelled',
    reason: expect.stringContaining('of 3 chunks in flight is not in this report'),
  });
  const ended = await runs?.progress('left');
  expect(ended?.progress.fence).toBeGreaterThan(7);
  expect(ended?.progress.endedAt).toBeDefined();
  await nats.close();
});

test('dead letters are counted, exported as a file, tried again and dropped', async () => {
  await using site = await Deployment.create('guarded.ts');
  const guarded: Pipeline = await loadPipeline(site.file);
  const leat = await clientOf(site.server.url);
  const run = await leat.start(guarded, { params: { count: '100' }, run: 'r1' });
  for (const role of ['fetcher', 'mapper', 'saver'] as const) site.replica(role);
  expect(await run.completed()).toMatchObject({ records: { saved: 179, dead: 1 } });
  expect(await leat.dead.groups()).toMatchObject([
    { pipeline: 'guarded', run: 'r1', stage: 'first', error: 'TerminalError', records: 1 },
  ]);
  const file = parseFailedChunk(formatFailedChunk(await leat.dead.export('r1', '0.0-2')), 'it');
  expect(file).toMatchObject({
    pipeline: 'guarded',
    run: 'r1',
    params: { count: '100' },
    secrets: [],
    stage: 'first',
    chunk: '0.0-2',
    records: [{ index: 7, attempts: 1, error: { name: 'TerminalError', message: 'not yet' } }],
  });
  expect(file.records[0]?.record).toBe(`{"n":7,"padding":"${'x'.repeat(2_000)}"}`);
  expect(await refusalOf(leat.dead.export('r1', '1'))).toMatchObject({
    code: 'invalid-configuration',
  });
  const [letter] = await leat.dead.show('r1', { chunk: '0.0-2', index: 7 });
  expect(letter).toMatchObject({ stage: 'first', index: 7 });

  await mkdir(`${site.dir}/mended`);
  expect(await leat.dead.redrive('r1')).toMatchObject({
    pipeline: 'guarded',
    records: 1,
    leftOut: {},
  });
  await until('it is saved', async () => (await run.report()).records.dead === 0, DEADLINE_MS);
  expect(await allOf(leat.dead.list('r1'))).toEqual([]);
  expect(await leat.dead.drop('r1')).toEqual({ run: 'r1', records: 0 });
});

async function allOf<T>(all: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of all) found.push(one);
  return found;
}

async function firstOf<T>(all: AsyncIterable<T>): Promise<T | undefined> {
  for await (const one of all) return one;
  return undefined;
}

/** What a resume is refused with, if it is. */
async function refusedResume(resuming: Promise<void>): Promise<LeatError | undefined> {
  return resuming.then(
    () => undefined,
    (reason: unknown) => (reason instanceof LeatError ? reason : undefined),
  );
}
