import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../bin/leat.js', import.meta.resolve('@leat/cli')));
const KEPT_OUTPUT = 100_000;
/** What has not been said by then will never be. */
const DEADLINE_MS = 10 * 60_000;

/** A `leat` command, started as its users do. */
export class LeatCommand {
  readonly #child: ChildProcess;
  readonly #args: readonly string[];
  readonly #ended: Promise<number | null>;
  #stdout = '';
  #stderr = '';
  #onOutput: () => void = () => undefined;

  constructor(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>) {
    this.#args = args;
    this.#child = spawn(process.execPath, [BIN, ...args], {
      cwd,
      env: { ...process.env, ...env, LEAT_LOG_FORMAT: 'json' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-KEPT_OUTPUT);
      this.#onOutput();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_OUTPUT);
      this.#onOutput();
    });
    this.#ended = once(this.#child, 'close').then(([code]) => {
      this.#onOutput();
      return code as number | null;
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until the command has written something. */
  async hasSaid(text: string): Promise<void> {
    const deadline = setTimeout(() => this.#child.kill('SIGKILL'), DEADLINE_MS).unref();
    while (!this.#stdout.includes(text) && !this.#stderr.includes(text)) {
      if (this.#hasEnded) throw this.#failure();
      await new Promise<void>((resolve) => {
        this.#onOutput = resolve;
      });
    }
    clearTimeout(deadline);
  }

  /** Forgets what it has written so far. */
  forget(): void {
    this.#stdout = '';
    this.#stderr = '';
  }

  /** Waits for the end, and gives what was written to stdout. */
  async output(): Promise<string> {
    if ((await this.#ended) !== 0) throw this.#failure();
    return this.#stdout;
  }

  /** Asks it to stop, and waits until it has. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #failure(): Error {
    const code = this.#child.exitCode ?? this.#child.signalCode;
    return new Error(`leat ${this.#args.join(' ')} ended with ${code}:\n${this.#stderr}`);
  }
}
