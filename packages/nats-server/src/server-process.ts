import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Socket } from 'node:net';
import { NatsServerError, errorCode } from './error.ts';
import { LineTail } from './line-tail.ts';
import { WATCHDOG_PROGRAM, type WatchdogOrder, type WatchdogReport } from './watchdog.ts';

/** How a server ended. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * One life of a nats-server and of the watchdog that holds it.
 *
 * The child and its pipes are unreferenced, so that a program which forgets its server can still
 * end (and its server with it); the one who waits for the child takes a reference meanwhile.
 */
export class ServerProcess {
  readonly watchdogPid: number;
  /** Settles when server and watchdog are gone and all output has been read. Never rejects. */
  readonly exited: Promise<ServerExit>;
  readonly tail: LineTail = new LineTail();
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #started: Promise<number>;
  #pid: number | undefined;
  #ended: ServerExit | undefined;
  #holds = 0;

  /** Starts the watchdog, which waits for `start()`. */
  constructor(order: WatchdogOrder, onLine: (line: string) => void) {
    const env = { ...process.env };
    // Loaders and inspectors of this process are none of the watchdog's business.
    delete env['NODE_OPTIONS'];
    const child = spawn(process.execPath, ['-e', WATCHDOG_PROGRAM, JSON.stringify(order)], {
      // A session of its own: Ctrl-C in a terminal must not reach the server, which is drained first.
      detached: true,
      stdio: 'pipe',
      windowsHide: true,
      env,
    });
    if (child.pid === undefined) {
      child.on('error', () => {});
      throw new NatsServerError(`the watchdog process could not be started: ${process.execPath}`);
    }
    this.#child = child;
    this.watchdogPid = child.pid;
    // It may be gone when we write to it; its exit says all there is to say.
    child.stdin.on('error', () => {});
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.tail.add(line);
      onLine(line);
    });
    this.#started = this.#readReports(child);
    this.#started.catch(() => {});
    this.exited = this.#watchExit(child);
    this.#setReferenced(false);
  }

  #readReports(child: ChildProcessWithoutNullStreams): Promise<number> {
    return new Promise((resolve, reject) => {
      createInterface({ input: child.stdout })
        .on('line', (line) => {
          const report: WatchdogReport = JSON.parse(line);
          if (report.ended !== undefined) this.#ended = report.ended;
          if (report.error !== undefined) reject(new NatsServerError(report.error));
          if (report.pid === undefined) return;
          this.#pid = report.pid;
          resolve(report.pid);
        })
        .on('close', () => reject(new NatsServerError('the watchdog process ended')));
    });
  }

  #watchExit(child: ChildProcessWithoutNullStreams): Promise<ServerExit> {
    child.on('exit', () => {
      // The watchdog itself was killed: its server must not outlive it.
      if (this.#ended === undefined && this.#pid !== undefined) signalProcess(this.#pid, 'SIGKILL');
    });
    return new Promise((resolve) => {
      child.on('close', (code, signal) => {
        this.#ended ??= { code, signal };
        resolve(this.#ended);
      });
    });
  }

  /** Lets the watchdog start the server; gives the server's pid. */
  start(): Promise<number> {
    this.#child.stdin.write('start\n');
    return this.hold(this.#started);
  }

  get hasExited(): boolean {
    return this.#ended !== undefined;
  }

  /** Ends the server with SIGTERM, and with SIGKILL after the deadline; waits until it is gone. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.hold(this.exited);
  }

  /** Sends the server a signal and waits until it is gone. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    // A watchdog that has no server yet ends with its standard input.
    if (this.#pid === undefined) this.#child.stdin.end();
    else if (!this.hasExited) signalProcess(this.#pid, signal);
    await this.hold(this.exited);
  }

  /** Keeps this program alive while it waits for the server. */
  async hold<T>(promise: Promise<T>): Promise<T> {
    this.#holds += 1;
    this.#setReferenced(true);
    try {
      return await promise;
    } finally {
      this.#holds -= 1;
      if (this.#holds === 0) this.#setReferenced(false);
    }
  }

  #setReferenced(referenced: boolean): void {
    const { stdin, stdout, stderr } = this.#child;
    const pipes = [stdin, stdout, stderr].filter((pipe) => pipe instanceof Socket);
    for (const handle of [this.#child, ...pipes]) {
      if (referenced) handle.ref();
      else handle.unref();
    }
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}
