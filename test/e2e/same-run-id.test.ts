import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bucketName, deadSubject, type RunWish } from '@leat/core';
import { type NatsServer, startNatsServer } from '@leat/nats-server';
import { type DeadLetter, Runs } from '@leat/runtime';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { linesOf } from '../support/deployment.ts';
import { DevSite } from '../support/dev.ts';
import { type Ended, fixture, leat } from '../support/leat.ts';
import { readDeadLetters } from '../support/dead-letters.ts';

/** A run that has ended, and one that nobody works on: each is in both pipelines. */
const RUN = 'r1';
const OPEN = 'r2';
const PIPELINES = ['squares', 'unruly'] as const;

/** One NATS server with two pipelines that have runs of the same ids, and dead letters of the first. */
interface Site {
  readonly dir: string;
  readonly server: NatsServer;
  readonly nats: NatsConnection;
  readonly leat: (...args: readonly string[]) => Promise<Ended>;
  readonly wishOf: (pipeline: string) => Promise<RunWish>;
  /** How many dead letters each of the pipelines has. */
  readonly dead: () => Promise<number[]>;
}

async function createSite(): Promise<Site> {
  const site = await DevSite.create('unruly.ts');
  const unruly = { mode: 'throw', at: 42, count: 100, out: 'out/unruly' };
  expect(await site.dev(unruly, '--run', RUN).ended).toMatchObject({ code: 3 });
  const squares = ['dev', fixture('squares.ts'), '--run', RUN, '--param', 'count=50'];
  expect(await site.leat(...squares)).toMatchObject({ code: 0 });
  const server = await startNatsServer({ storeDir: join(site.dir, '.leat', 'nats') });
  onTestFinished(() => server.stop());
  const nats = await connect({ servers: server.url });
  onTestFinished(() => nats.close());
  const [letter] = await readDeadLetters(server.url, 'unruly');
  const client = jetstream(nats);
  const other = JSON.stringify({ ...letter, pipeline: 'squares' });
  await client.publish(deadSubject('squares', RUN), other);
  const env = { NATS_URL: server.url };
  const call = (...args: readonly string[]): Promise<Ended> => leat(args, { cwd: site.dir, env });
  for (const pipeline of PIPELINES) {
    const started = await call('start', fixture(`${pipeline}.ts`), '--run', OPEN);
    expect(started).toMatchObject({ code: 0 });
  }
  return {
    dir: site.dir,
    server,
    nats,
    leat: call,
    wishOf: async (pipeline) =>
      await (
        await Runs.open(client, bucketName(pipeline), 1, { signing: undefined })
      ).wishes.get(OPEN),
    dead: () =>
      Promise.all(PIPELINES.map(async (each) => (await readDeadLetters(server.url, each)).length)),
  };
}

const refusal = ({ server }: Site, run: string): Partial<Ended> => ({
  code: 2,
  stdout: '',
  stderr: `leat: [invalid-configuration] The run "${run}" is in several pipelines on the NATS server at ${server.url} (squares, unruly): name the one that you mean with --pipeline NAME.\n`,
});

const fileOf = (pipeline: string): string => fixture(`${pipeline}.ts`);

/** The other pipeline comes first wherever runs are looked for. */
async function expectKnownByFile(site: Site): Promise<void> {
  const exported = await site.leat('export', RUN, fileOf('unruly'));
  expect(exported).toMatchObject({ code: 0, stderr: '' });
  expect(exported.stdout.trimEnd().split('\n')).toHaveLength(99);
  expect((await site.leat('verify', RUN, fileOf('unruly'))).stdout).toContain(': 99 records');
}

async function expectKnownByName(site: Site): Promise<void> {
  const done = async (...args: readonly string[]): Promise<string> => {
    const ended = await site.leat(...args);
    expect({ args, ...ended }).toMatchObject({ code: 0, stderr: '' });
    return ended.stdout;
  };
  const of = (pipeline: string): readonly string[] => ['--pipeline', pipeline];
  const own = of('unruly');
  expect(JSON.parse(await done('status', RUN, '--json', ...own))).toMatchObject({
    pipeline: 'unruly',
    records: { saved: 99 },
  });
  expect(JSON.parse(await done('status', '--json', ...own))).toMatchObject([
    { run: RUN, pipeline: 'unruly' },
    { run: OPEN, pipeline: 'unruly' },
  ]);
  expect(await done('verify', RUN, fileOf('unruly'), ...own)).toContain('r1: 99 records');
  await done('export', RUN, fileOf('unruly'), '--to', 'all.ndjson', ...own);
  expect(linesOf(await readFile(join(site.dir, 'all.ndjson'), 'utf8'))).toHaveLength(99);
  for (const args of [
    ['list', RUN],
    ['show', RUN, '1', '12'],
  ]) {
    const shown = await done('dead', ...args, '--json', ...own);
    expect(linesOf<DeadLetter>(shown)).toMatchObject([{ pipeline: 'unruly' }]);
  }
  // Without a run, all are meant.
  expect(JSON.parse(await done('status', '--json'))).toHaveLength(4);
  expect(linesOf(await done('dead', 'list', '--json'))).toHaveLength(2);

  await done('pause', OPEN, ...of('squares'));
  expect([await site.wishOf('squares'), await site.wishOf('unruly')]).toEqual(['pause', 'run']);
  await done('cancel', OPEN, ...of('unruly'));
  await done('resume', OPEN, ...of('squares'));
  expect([await site.wishOf('squares'), await site.wishOf('unruly')]).toEqual(['run', 'cancel']);

  const redriven = await done('dead', 'redrive', RUN, '--json', ...of('unruly'));
  expect(JSON.parse(redriven)).toMatchObject({ run: RUN, records: 1 });
  // Only the other pipeline's letters are being tried again.
  expect(await done('dead', 'drop', RUN, ...of('squares'))).toMatch(/^1 dead letter of the run r1/);
  expect(await site.dead()).toEqual([0, 1]);
  expect(await site.leat('dead', 'drop', RUN, ...of('unruly'))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('are being tried again: wait'),
  });
}

test('an id that several pipelines have is refused by every command, unless the file or --pipeline says which', async () => {
  const site = await createSite();
  for (const args of [
    ['status', RUN],
    ['verify', RUN],
    ['export', RUN, '--to', 'all.ndjson'],
    ['dead', 'list', RUN],
    ['dead', 'show', RUN, '1', '12'],
    ['dead', 'redrive', RUN],
    ['dead', 'drop', RUN],
  ]) {
    expect({ args, ...(await site.leat(...args)) }).toMatchObject(refusal(site, RUN));
  }
  for (const command of ['pause', 'resume', 'cancel']) {
    expect(await site.leat(command, OPEN)).toMatchObject(refusal(site, OPEN));
  }
  expect(await site.dead()).toEqual([1, 1]);
  for (const pipeline of PIPELINES) expect(await site.wishOf(pipeline)).toBe('run');
  // In this order: the last one changes what is there.
  await expectKnownByFile(site);
  await expectKnownByName(site);
});

test('dead letters of several pipelines are not mixed when their runs are forgotten', async () => {
  const site = await createSite();
  const manager = await jetstreamManager(site.nats);
  for (const pipeline of PIPELINES) await manager.streams.delete(`KV_${bucketName(pipeline)}`);
  for (const args of [
    ['list', RUN],
    ['show', RUN, '1', '12'],
    ['drop', RUN],
  ]) {
    expect(await site.leat('dead', ...args)).toMatchObject(refusal(site, RUN));
  }
  expect(await site.leat('dead', 'drop', RUN, '--pipeline', 'unruly')).toMatchObject({ code: 0 });
  expect(await site.dead()).toEqual([1, 0]);
  // Now there is one that can be meant.
  expect(await site.leat('dead', 'drop', RUN)).toMatchObject({ code: 0 });
  expect(await site.dead()).toEqual([0, 0]);
});

test('who asks for a run that is not there is told where it was looked for, and no password', async () => {
  await using server = await startNatsServer();
  const address = server.url.replace('nats://', '');
  const env = { NATS_URL: `nats://me:secret@${address}` };
  const where = `on the NATS server at nats://${address}: "leat status" lists them.\n`;
  for (const [args, what] of [
    [['status', RUN], 'run "r1"'],
    [['pause', RUN], 'run "r1"'],
    [['verify', RUN], 'run "r1"'],
    [['export', RUN], 'run "r1"'],
    [['dead', 'list', RUN], 'run "r1"'],
    [['dead', 'redrive', RUN], 'run "r1"'],
    [['dead', 'drop', RUN, '--pipeline', 'squares'], 'run "r1" of the pipeline squares'],
    [['status', RUN, '--pipeline', 'squares'], 'run "r1" of the pipeline squares'],
  ] as const) {
    expect(await leat(args, { cwd: '/', env })).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `leat: [run-unknown] There is no ${what} ${where}`,
    });
  }
  expect(await leat(['pause', 'a.*'], { cwd: '/', env })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('run id "a.*" must be'),
  });
});
