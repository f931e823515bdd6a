import type { RunReport } from '@leat/core';
import { startNatsServer } from '@leat/nats-server';
import type { DeadLetter } from '@leat/runtime';
import { onTestFinished } from 'vitest';
import { readDeadLetters } from './dead-letters.ts';
import { type Ended, fixture, leat, type LeatProcess, spawnLeat } from './leat.ts';
import { tempDir } from './temp-dir.ts';

/** What became of a run, and how often its mapper was started. */
export interface SupervisedRun {
  readonly dir: string;
  readonly fetcher: Ended;
  /** How each mapper ended, in order. */
  readonly mappers: readonly Ended[];
  readonly report: RunReport;
  readonly verified: Ended;
  readonly letters: readonly DeadLetter[];
}

/**
 * Runs a pipeline of the fixtures, as run `r1`, with one mapper that is started again whenever it dies, as
 * Kubernetes does. It ends well when no run is left.
 */
export async function runSupervised(
  pipeline: string,
  params: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<SupervisedRun> {
  const server = await startNatsServer();
  onTestFinished(() => server.stop());
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const env = { NATS_URL: server.url, LEAT_ACK_WAIT_MS: '2000', ...environment };
  const options = { cwd: dir.path, env };
  const file = fixture(`${pipeline}.ts`);
  const start = await leat(
    ['start', file, '--run', 'r1', ...params.flatMap((param) => ['--param', param])],
    options,
  );
  if (start.code !== 0) throw new Error(start.stderr);
  const processes: LeatProcess[] = [];
  const over = new AbortController();
  onTestFinished(async () => {
    over.abort();
    for (const each of processes) await each[Symbol.asyncDispose]();
  });
  const spawn = (role: string): LeatProcess => {
    const spawned = spawnLeat([role, file, '--once'], options);
    processes.push(spawned);
    return spawned;
  };
  const fetcher = spawn('fetcher');
  spawn('saver');
  const mappers: Ended[] = [];
  const supervise = async (): Promise<void> => {
    do mappers.push(await spawn('mapper').ended);
    while (!over.signal.aborted && mappers.at(-1)?.code !== 0);
  };
  const supervised = supervise();
  const ended = await fetcher.ended;
  await supervised;
  const { stdout } = await leat(['status', 'r1', '--json'], options);
  return {
    dir: dir.path,
    fetcher: ended,
    mappers,
    report: JSON.parse(stdout) as RunReport,
    verified: await leat(['verify', 'r1', file], options),
    letters: await readDeadLetters(server.url, pipeline),
  };
}
