import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { DEADLINE_MS, Deployment, linesOf, type Role } from '../support/deployment.ts';
import { fixture, leat, type LeatProcess, spawnLeat } from '../support/leat.ts';
import { OtlpCollector } from '../support/otlp-collector.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const TOKEN = 'correct-horse-battery-staple';
const COUNT = 300;
const GIVEN = ['--param', `count=${COUNT}`, '--secret', 'token=KEYED_TOKEN'];

const keyOf = (n: number): string => createHash('sha256').update(`${TOKEN} ${n}`).digest('hex');

/** Where the sink of `keyed.ts` writes. */
const OUT = join('out', keyOf(0).slice(0, 8));

/** Every file below a folder, one after the other. */
async function bytesBelow(folder: string): Promise<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Buffer.concat(
    await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name)))),
  );
}

async function savedIn(folder: string): Promise<{ n: number; keys: string[] }[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.ndjson'));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return linesOf(texts.join(''));
}

function expectKeyed(records: readonly { n: number; keys: string[] }[]): void {
  const numbers = Array.from({ length: COUNT }, (_, n) => n).filter((n) => n !== 142);
  expect(records.toSorted((a, b) => a.n - b.n)).toEqual(
    numbers.map((n) => ({ n, keys: [keyOf(n), keyOf(n), keyOf(n)] })),
  );
}

test('source, functions in threads and in quarantine, and sink get a secret that is nowhere else', async () => {
  await using collector = await OtlpCollector.open();
  const env = {
    KEYED_TOKEN: TOKEN,
    LEAT_LOG_LEVEL: 'debug',
    LEAT_HTTP_PORT: '0',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  };
  const site = await Deployment.create('keyed.ts', { env });
  const seen: Uint8Array[] = [];
  const wiretap = await connect({ servers: site.server.url });
  onTestFinished(() => wiretap.close());
  wiretap.subscribe('>', {
    callback: (_, message) => {
      seen.push(message.data, Buffer.from(JSON.stringify([...(message.headers ?? [])])));
    },
  });
  await wiretap.flush();
  const started = await site.leat('start', site.file, ...GIVEN);
  expect(started).toMatchObject({ code: 0 });
  const run = started.stdout.trim();
  const services = (['fetcher', 'mapper', 'saver'] as const).map((role) => site.service(role));
  const ended = await Promise.all(services.map(({ ended: end }) => end));
  expect(ended.map(({ code }) => code)).toEqual([3, 0, 0]);
  expectKeyed(await savedIn(join(site.dir, OUT, run)));

  const commands = await Promise.all(
    [
      ['status', run, '--json'],
      ['dead', 'list', run, '--json'],
      ['verify', run, site.file],
    ].map((args) => site.leat(...args)),
  );
  await site.server.stop();
  const said = [...ended, ...commands].flatMap(({ stdout, stderr }) => [stdout, stderr]).join('');
  expect(said).toContain('quarantine');
  expect(collector.spans.length).toBeGreaterThan(COUNT / 10);
  const told = Buffer.concat(seen).toString('latin1');
  const kept = (await bytesBelow(join(site.dir, 'nats'))).toString('latin1');
  for (const text of [told, kept]) expect(text).toContain('"secrets":{"token":"KEYED_TOKEN"}');
  for (const text of [told, kept, said, JSON.stringify(collector.spans)]) {
    expect(text.includes(TOKEN)).toBe(false);
  }
});

test('services without the variable leave the run to those that have it, and live on', async () => {
  const site = await Deployment.create('keyed.ts', { env: { LEAT_LOG_FORMAT: 'json' } });
  const started = await site.leat('start', site.file, ...GIVEN);
  const run = started.stdout.trim();
  const why = `The run ${run} takes its parameter token from the environment variable KEYED_TOKEN, which is not set here: set it for every service of the pipeline.`;
  const env = { NATS_URL: site.server.url, LEAT_LOG_FORMAT: 'json', KEYED_TOKEN: TOKEN };
  const lacking: { readonly service: LeatProcess; readonly stages: number }[] = [];
  for (const role of ['fetcher', 'mapper', 'saver'] satisfies Role[]) {
    const without = site.replica(role);
    lacking.push({ service: without, stages: role === 'mapper' ? 2 : 1 });
    // The mapper and the saver meet the run by the chunks that come before the other is there.
    await until(`a ${role} says why`, () => without.stderr().includes(why), DEADLINE_MS);
    const having = spawnLeat([role, site.file], { cwd: site.dir, env });
    onTestFinished(() => having[Symbol.asyncDispose]());
  }
  const ended = async (): Promise<boolean> => (await site.report(run)).endedAt !== null;
  await until('the run has ended', ended, DEADLINE_MS);
  expect(await site.report(run)).toMatchObject({
    state: 'completed-with-dead-letters',
    records: { in: COUNT, saved: COUNT - 1, dead: 1 },
  });
  expectKeyed(await savedIn(join(site.dir, OUT, run)));
  for (const { service, stages } of lacking) {
    // Said once for each stage at most, and not with each chunk.
    expect(service.stderr().split(why).length - 1).toBeLessThanOrEqual(stages);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0, signal: null });
  }
});

test.each([
  {
    args: ['--param', 'token=a', '--secret', 'token=KEYED_TOKEN'],
    says: 'The parameter token is given by --param and by --secret: give it once.',
  },
  {
    args: ['--secret', `token=${TOKEN}`],
    says: '--secret must be key=VARIABLE, with the name of an environment variable in capital letters, and never the value itself: what is given for token is no such name.',
  },
  { args: ['--secret', TOKEN], says: '--secret must be key=VARIABLE' },
])('dev and start refuse $args', async ({ args, says }) => {
  await using dir = await tempDir();
  for (const command of ['dev', 'start']) {
    const { code, stderr } = await leat([command, fixture('keyed.ts'), ...args], { cwd: dir.path });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(says) });
    expect(stderr.includes(TOKEN)).toBe(false);
  }
  expect(await readdir(dir.path)).toEqual([]);
});

test('leat dev takes secrets from its own environment, and goes on with the run that had the same', async () => {
  await using dir = await tempDir();
  const args = ['dev', fixture('keyed.ts'), '--param', `count=${COUNT}`];
  const secret = ['--secret', 'token=KEYED_TOKEN'];
  expect(await leat([...args, ...secret], { cwd: dir.path })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(
      'takes its parameter token from the environment variable KEYED_TOKEN, which is not set here',
    ),
  });
  const options = { cwd: dir.path, env: { KEYED_TOKEN: TOKEN } };
  expect(await leat([...args, ...secret, '--run', 'r1'], options)).toMatchObject({ code: 3 });
  expectKeyed(await savedIn(join(dir.path, OUT, 'r1')));
  const { stdout } = await leat(['status', '--json'], options);
  expect((JSON.parse(stdout) as { run: string }[]).map(({ run }) => run)).toEqual(['r1']);
});
