import type { RunReport } from '@leat/core';
import { startNatsServer } from '@leat/nats-server';
import { expect, onTestFinished, test } from 'vitest';
import { readDeadLetters } from '../support/dead-letters.ts';
import { fixture, leat, type LeatProcess, spawnLeat } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';

const PIPELINE = fixture('poison.ts');

/** Runs the pipeline with one mapper that is started again whenever it ends, as Kubernetes does. */
async function runPoisoned(poison: 'abort' | 'exit', threads: number) {
  const server = await startNatsServer();
  onTestFinished(() => server.stop());
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const env = {
    NATS_URL: server.url,
    LEAT_ACK_WAIT_MS: '1000',
    POISON_THREADS: String(threads),
  };
  const options = { cwd: dir.path, env };
  const start = await leat(
    ['start', PIPELINE, '--run', 'r1', '--param', `poison=${poison}`],
    options,
  );
  expect(start).toMatchObject({ code: 0 });
  const processes: LeatProcess[] = [];
  onTestFinished(async () => {
    for (const each of processes) await each[Symbol.asyncDispose]();
  });
  const spawn = (role: string): LeatProcess => {
    const spawned = spawnLeat([role, PIPELINE, '--once'], options);
    processes.push(spawned);
    return spawned;
  };
  const fetcher = spawn('fetcher');
  spawn('saver');
  const over = new AbortController();
  let mappers = 0;
  const supervise = async (): Promise<void> => {
    while (!over.signal.aborted) {
      mappers++;
      await spawn('mapper').ended;
    }
  };
  const supervised = supervise();
  const ended = await fetcher.ended;
  over.abort();
  await supervised;
  const { stdout } = await leat(['status', 'r1', '--json'], options);
  const report = JSON.parse(stdout) as RunReport;
  const verified = await leat(['verify', 'r1'], options);
  return { ended, mappers, report, verified, letters: await readDeadLetters(server.url, 'poison') };
}

const OUTCOME = {
  ended: { code: 3 },
  verified: { code: 0 },
  report: {
    state: 'completed with dead letters',
    records: { in: 300, saved: 299, dead: 1, filtered: 0 },
  },
  letters: [
    {
      stage: 'risky',
      chunk: '1',
      index: 42,
      position: 'record 142 of generate',
      record: '{"n":142}',
      error: { name: 'ProcessDied' },
    },
  ],
};

test.each(['abort', 'exit'] as const)(
  'a record that ends its process (%s) stands alone in the dead letters, and the rest is saved',
  async (poison) => {
    const { mappers, ...outcome } = await runPoisoned(poison, 0);
    expect(outcome).toMatchObject(OUTCOME);
    // Three died over the chunk before it was suspected; the fourth put it in quarantine.
    expect(mappers).toBeGreaterThanOrEqual(4);
    expect(mappers).toBeLessThanOrEqual(6);
  },
);

test('a record that ends its worker thread does not take the mapper down', async () => {
  const { mappers, ...outcome } = await runPoisoned('exit', 2);
  expect(outcome).toMatchObject(OUTCOME);
  expect(mappers).toBe(1);
});
