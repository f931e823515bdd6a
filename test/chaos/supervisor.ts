import { wait } from '@leat/runtime';
import type { Role } from '../support/deployment.ts';
import { residentMegabytes } from '../support/resident-memory.ts';

/** How long after its end a replica is started again, unless something else was said. */
const RESTART_MS = 500;
const SAMPLE_MS = 200;
const STOP_MS = 90_000;

export interface SupervisedProcess {
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly stderr: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
}

/** One replica of a service through all its lives. */
export interface Replica {
  /** For example `mapper 2`. */
  readonly name: string;
  readonly role: Role;
  /** Signals the present process. SIGKILL and SIGTERM end it, and another one is started later. */
  readonly signal: (signal: NodeJS.Signals, restartMs?: number) => void;
}

interface Life {
  readonly name: string;
  readonly process: SupervisedProcess;
  isAskedToEnd: boolean;
}

/** Keeps a number of replicas of each role alive, as Kubernetes would. */
export class Supervisor {
  readonly replicas: readonly Replica[];
  readonly #lives: Life[] = [];
  readonly #present = new Map<string, Life>();
  readonly #over = new AbortController();
  readonly #keeping: Promise<void>[];
  readonly #complaints: string[] = [];
  readonly #restartMs = new Map<string, number>();
  #peakMegabytes = 0;

  constructor(
    counts: Readonly<Record<Role, number>>,
    start: (role: Role, name: string) => SupervisedProcess,
  ) {
    const wanted = Object.entries(counts).flatMap(([role, count]) =>
      Array.from({ length: count }, (_, at) => ({ role: role as Role, name: `${role} ${at + 1}` })),
    );
    this.replicas = wanted.map(({ role, name }) => ({
      name,
      role,
      signal: (signal, restartMs = RESTART_MS) => this.#signal(name, signal, restartMs),
    }));
    this.#keeping = wanted.map(({ role, name }) => this.#keep(name, () => start(role, name)));
    this.#keeping.push(this.#sample());
  }

  /** How many processes have ended before the end. */
  get deaths(): number {
    return this.#lives.length - this.replicas.length;
  }

  /** The most that any process has had. */
  get peakMegabytes(): number {
    return this.#peakMegabytes;
  }

  /** Asks all of them to end, and waits for it; gives what was wrong with their ends and their logs. */
  async stop(): Promise<readonly string[]> {
    this.#over.abort();
    for (const life of this.#present.values()) {
      life.process.kill('SIGCONT');
      askToEnd(life);
    }
    const late = setTimeout(() => {
      for (const { name, process } of this.#present.values()) {
        this.#complaints.push(`${name} did not end within ${STOP_MS} ms`);
        process.kill('SIGKILL');
      }
    }, STOP_MS);
    await Promise.all(this.#keeping);
    clearTimeout(late);
    for (const { name, process } of this.#lives) {
      // Whatever is no line of the log was written by Node when it gave up.
      const stray = process
        .stderr()
        .split('\n')
        .find((line) => line !== '' && !line.startsWith('{'));
      if (stray !== undefined) this.#complaints.push(`${name} wrote: ${stray}`);
    }
    return this.#complaints;
  }

  #signal(name: string, signal: NodeJS.Signals, restartMs: number): void {
    const life = this.#present.get(name);
    if (life === undefined) return;
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.#restartMs.set(name, restartMs);
    if (signal === 'SIGTERM') askToEnd(life);
    else life.process.kill(signal);
  }

  async #keep(name: string, start: () => SupervisedProcess): Promise<void> {
    while (!this.#over.signal.aborted) {
      const life: Life = { name, process: start(), isAskedToEnd: false };
      this.#lives.push(life);
      this.#present.set(name, life);
      const { code, signal } = await life.process.ended;
      this.#present.delete(name);
      const isExpected = signal === 'SIGKILL' || (life.isAskedToEnd && (code ?? 0) === 0);
      if (!isExpected) {
        this.#complaints.push(`${name} ended with ${signal ?? code}, and nobody had killed it`);
      }
      const restartMs = this.#restartMs.get(name) ?? RESTART_MS;
      await wait(restartMs, this.#over.signal).catch(() => undefined);
    }
  }

  async #sample(): Promise<void> {
    while (!this.#over.signal.aborted) {
      for (const { process } of this.#present.values()) {
        this.#peakMegabytes = Math.max(this.#peakMegabytes, residentMegabytes(process.pid));
      }
      await wait(SAMPLE_MS, this.#over.signal).catch(() => undefined);
    }
  }
}

/** Once: the second SIGTERM would mean "at once". */
function askToEnd(life: Life): void {
  if (life.isAskedToEnd) return;
  life.isAskedToEnd = true;
  life.process.kill('SIGTERM');
}
