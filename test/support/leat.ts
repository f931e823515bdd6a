import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The command's file. */
export const BIN: string = fileURLToPath(
  new URL('../../packages/cli/bin/leat.js', import.meta.url),
);

/** A pipeline file of the test fixtures. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/pipelines/${name}`, import.meta.url));
}

/** How a process ended, and what it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `leat` command that is running; killed at the end of the block if it still is. */
export interface LeatProcess extends AsyncDisposable {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
}

export interface LeatOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The command's file, if it is another build's. */
  readonly bin?: string;
  /** A command that starts it, such as `nsenter`, and becomes it. */
  readonly within?: readonly string[];
  /** A file descriptor that it writes to, in place of a pipe that is read at once. */
  readonly stdout?: number;
  readonly stderr?: number;
}

/** Starts a `leat` command as its users do: another process, by its file. */
export function spawnLeat(args: readonly string[], options: LeatOptions): LeatProcess {
  const { within = [], bin = BIN } = options;
  const [program = '', ...rest] = [...within, process.execPath, bin, ...args];
  const child = spawn(program, rest, {
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: ['ignore', options.stdout ?? 'pipe', options.stderr ?? 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return {
    pid: child.pid ?? 0,
    child,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    kill: (signal) => void child.kill(signal),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGCONT');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Runs a `leat` command to its end. */
export async function leat(args: readonly string[], options: LeatOptions): Promise<Ended> {
  await using command = spawnLeat(args, options);
  return await command.ended;
}

/** The environment without what would change the commands under test. */
function cleanEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    ([name, value]) =>
      value !== undefined &&
      (!/^(NATS_|LEAT_|OTEL_|DATABASE_URL|PG)/.test(name) ||
        ['NATS_SERVER_BIN', 'LEAT_CACHE_DIR'].includes(name)),
  );
  return Object.fromEntries(entries) as Record<string, string>;
}
