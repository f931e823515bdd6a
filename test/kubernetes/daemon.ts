import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Prefix } from './sandbox.ts';

/** A program that runs until it is told to end, or this process ends. */
export class Daemon implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly #ended: Promise<void>;

  /** @param dir where its output goes, to a file of that name */
  constructor(dir: string, name: string, prefix: Prefix, command: readonly string[]) {
    this.#log = join(dir, `${name}.log`);
    const output = openSync(this.#log, 'a');
    const args = ['--pdeathsig=KILL', '--', ...prefix, ...command];
    this.#child = spawn('setpriv', args, { cwd: dir, stdio: ['ignore', output, output] });
    closeSync(output);
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
    });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The end of what it has written. */
  async tail(): Promise<string> {
    return (await readFile(this.#log, 'utf8')).slice(-3_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
