import { join } from 'node:path';
import { startNatsServer } from '@leat/nats-server';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { expectBalance, expectSquares } from '../support/deployment.ts';
import { savedChunks } from '../support/saved-folder.ts';
import { DevSite } from '../support/dev.ts';
import { fixture, leat, type LeatProcess, spawnLeat } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

interface Square {
  readonly n: number;
  readonly square: number;
}

/** A second Ctrl-C ends a process in half a second, on a busy machine in some; after the first, it would never end. */
const AT_ONCE_MS = 20_000;

const runIdIn = ({ stderr }: LeatProcess): string => /"run":"([^"]+)"/.exec(stderr())?.[1] ?? '';

/** Waits until user code is at work. */
async function untilStarted(command: LeatProcess): Promise<void> {
  await until('the run has started', () => command.stderr().includes('run started'));
}

async function untilSaved(site: DevSite, command: LeatProcess): Promise<void> {
  await untilStarted(command);
  const folder = join(site.dir, 'out', runIdIn(command));
  await until('some chunks are saved', async () => (await savedChunks(folder)) >= 2);
}

test('Ctrl-C once: dev finishes what is in hand, says how to go on, and nothing is lost', async () => {
  await using site = await DevSite.create('unruly.ts');
  const params = { count: 2_000, delayMs: 200 };
  const command = site.dev(params);
  await untilSaved(site, command);
  command.kill('SIGINT');
  const { code, stdout, stderr } = await command.ended;
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
  const run = runIdIn(command);
  expect(stderr).toMatch(/stopping: what is in hand is finished first; once more to stop at once/);
  expect(stderr).toMatch(new RegExp(`Interrupted\\. "leat dev .*unruly\\.ts.*${run}`));
  expect(stderr).not.toMatch(/\n\s+at |Warning|ERROR/);

  await site.letGo();
  const report = await site.run(params);
  expect(report).toMatchObject({ run, state: 'completed', records: { in: 2_000 } });
  expectBalance(report);
  expectSquares(await site.exported<Square>(run), 2_000);
});

test('Ctrl-C twice: dev ends at once even if a map call never returns, and the run can go on', async () => {
  await using site = await DevSite.create('unruly.ts');
  const command = site.dev({ count: 300, mode: 'never', at: 150 });
  await untilSaved(site, command);
  command.kill('SIGINT');
  await until('it stops', () => command.stderr().includes('stopping: '));
  const since = performance.now();
  command.kill('SIGINT');
  expect(await command.ended).toMatchObject({ code: 130 });
  expect(performance.now() - since).toBeLessThan(AT_ONCE_MS);
  expect(command.stderr()).toMatch(/goes on with the run|--run/);
  expect(await site.leat('status')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(new RegExp(`${runIdIn(command)}.*(running|pending)`)),
  });
});

test('Ctrl-C while nats-server starts ends dev', async () => {
  await using dir = await tempDir();
  await using command = spawnLeat(['dev', fixture('squares.ts'), '--param', 'delayMs=50'], {
    cwd: dir.path,
  });
  // Whatever it is doing by then: loading, starting, or running.
  await until('it is there', () => command.pid > 0);
  await until('it says something', () => command.stderr() !== '');
  command.kill('SIGTERM');
  expect(await command.ended).toMatchObject({ code: 130 });
});

test('Ctrl-C ends dev while a full queue holds the fetcher up', async () => {
  await using site = await DevSite.create('unruly.ts');
  const params = { count: 3_000, delayMs: 200 };
  const command = site.dev(params, '--queue-max-chunks', '20');
  await untilSaved(site, command);
  command.kill('SIGINT');
  expect(await command.ended).toMatchObject({ code: 130 });
  await site.letGo();
  const report = await site.run(params, '--queue-max-chunks', '20');
  expect(report).toMatchObject({ run: runIdIn(command), state: 'completed' });
  expectSquares(await site.exported<Square>(report.run), 3_000);
});

test('a queue too small for a chunk is said to hold the run up', async () => {
  await using site = await DevSite.create('unruly.ts');
  const command = site.dev({}, '--queue-max-bytes', '100');
  await until('it says why', () => /waiting to send: .*maximum bytes/.test(command.stderr()));
  command.kill('SIGINT');
  expect(await command.ended).toMatchObject({ code: 130 });
});

test.each(['fetcher', 'mapper', 'saver'])('a %s ends well at the first Ctrl-C', async (role) => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  await using service = spawnLeat([role, fixture('unruly.ts')], {
    cwd: dir.path,
    env: { NATS_URL: server.url },
  });
  await until('it is ready', () => service.stderr().includes('service ready'));
  service.kill('SIGINT');
  expect(await service.ended).toMatchObject({ code: 0, stdout: '' });
});

test('a mapper ends at once at the second Ctrl-C even if a map call never returns', async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  const options = { cwd: dir.path, env: { NATS_URL: server.url, LEAT_LOG_LEVEL: 'debug' } };
  const params = ['--param', 'mode=never', '--param', 'count=10'];
  const started = await leat(['start', fixture('unruly.ts'), ...params], options);
  expect(started).toMatchObject({ code: 0 });
  await using fetching = spawnLeat(['fetcher', fixture('unruly.ts')], options);
  await using mapping = spawnLeat(['mapper', fixture('unruly.ts')], options);
  const nats = await connect({ servers: server.url });
  const { consumers } = await jetstreamManager(nats);
  await until(
    'the chunk is with the mapper',
    async () => (await consumers.info('leat_unruly_squares', 'squares')).num_ack_pending === 1,
  );
  await nats.close();
  mapping.kill('SIGINT');
  await until('it stops', () => mapping.stderr().includes('stopping: '));
  const since = performance.now();
  mapping.kill('SIGINT');
  const { code } = await mapping.ended;
  expect([0, 130]).toContain(code);
  expect(performance.now() - since).toBeLessThan(AT_ONCE_MS);
  fetching.kill('SIGINT');
  expect(await fetching.ended).toMatchObject({ code: 0 });
});

test('what user code throws where nobody can catch it ends the process with a sentence', async () => {
  await using site = await DevSite.create('unruly.ts');
  const { code, stderr } = await site.dev({ mode: 'throw-later', at: 42 }).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/leat: An error was thrown where nobody could catch it.*: thrown later\n/);
  const run = /"run":"([^"]+)"/.exec(stderr)?.[1];
  const { stdout } = await site.leat('status');
  expect(stdout).toContain(run);
});

test('an id means another run in another pipeline', async () => {
  await using site = await DevSite.create('unruly.ts');
  const { code, stderr } = await site.dev({ failAt: 7, count: 10 }, '--run', 'mine').ended;
  expect({ code, stderr }).toMatchObject({ code: 1 });
  const other = await site.leat('dev', fixture('squares.ts'), '--run', 'mine');
  // Runs belong to their pipeline: the same id is another run there.
  expect(other).toMatchObject({ code: 0 });
  const again = await site.leat('dev', fixture('squares.ts'), '--run', 'mine');
  expect(again).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('has ended (completed)'),
  });
});
