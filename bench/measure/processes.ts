import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { StartBroker } from '../brokers/broker.ts';
import type { Job, Span } from '../job/job.ts';
import type { Sampler } from './sampler.ts';

const HOST = fileURLToPath(new URL('../host.js', import.meta.url));

/** A job that takes longer than this is stuck. */
const DEADLINE_MS = 10 * 60_000;

/** Whether the roles are processes of their own, or all in one; or whether mappers are savers, too. */
export type Layout = 'apart' | 'inline' | 'together';

/** Lets a contender's roles do a job, over a broker of their own, and stops everything. */
export async function runRoles(
  contender: string,
  layout: Layout,
  job: Job,
  startBroker: StartBroker,
  sampler: Sampler,
): Promise<Span> {
  const broker = await startBroker(job.dir);
  const processes: HostProcess[] = [];
  const start = async (...roles: readonly string[]): Promise<void> => {
    const host = new HostProcess(contender, roles, job, broker.url);
    processes.push(host);
    await host.said('ready');
    sampler.watch(roles.length > 1 ? 'all' : (roles[0] as string), host.pid);
  };
  try {
    sampler.watch('broker', broker.pid);
    if (layout === 'together') {
      await start('fetcher', ...Array.from({ length: job.mappers }, () => 'mapper'), 'saver');
    } else {
      // The fetcher goes first: it makes the queues.
      await start('fetcher');
      if (layout === 'apart') await start('saver');
      for (let mapper = 0; mapper < job.mappers; mapper++) await start('mapper');
    }
    sampler.sample();
    const from = Date.now();
    for (const host of processes) host.tell('go');
    const until = await Promise.race(processes.map((host) => host.said('saved')));
    sampler.sample();
    return { from, until };
  } finally {
    await Promise.all(processes.map((host) => host.end()));
    await broker.stop();
  }
}

/** A process that hosts one role of a contender, or several. */
class HostProcess {
  readonly #child: ChildProcess;
  /** Rejects when the process ends by itself. */
  readonly died: Promise<never>;

  constructor(contender: string, roles: readonly string[], job: Job, broker: string) {
    const task = JSON.stringify({ contender, roles, job, broker });
    this.#child = fork(HOST, [task], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.died = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the ${roles.join(' and ')} of ${contender} ended with ${String(code)}`);
    });
    this.died.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  tell(word: string): void {
    this.#child.send(word);
  }

  /** Waits for a word, and gives the time at which it was said. */
  async said(word: string): Promise<number> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    for (;;) {
      const said = once(this.#child, 'message', { signal: deadline });
      const [message] = (await Promise.race([said, this.died])) as [{ word: string; at: number }];
      if (message.word === word) return message.at;
    }
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    // Nothing is left to be done well: what was to be measured is over.
    this.#child.kill('SIGKILL');
    await exited;
  }
}
