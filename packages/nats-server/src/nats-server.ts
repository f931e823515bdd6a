import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeDirectory, claim } from '@leat/process-lock';
import { removeTree } from './cache.ts';
import { formatConfig } from './config.ts';
import { NatsServerError, reasonOf } from './error.ts';
import { withoutPrefix } from './line-tail.ts';
import { type ServerInfo, readServerInfo } from './server-info.ts';
import { type ServerExit, ServerProcess } from './server-process.ts';

/** How long a server may take to end by itself before it is killed. */
const STOP_TIMEOUT_MS = 5_000;

const POLL_MS = 10;

/** Everything that a server is started with; the same at each restart. */
export interface NatsServerSetup {
  readonly binaryPath: string;
  /** Holds the configuration, and the store if it is temporary. Removed at stop. */
  readonly privateDir: string;
  readonly storeDir: string;
  readonly port: number;
  readonly config: string;
  readonly jetstream: boolean;
  readonly startTimeoutMs: number;
  readonly log: (line: string) => void;
}

/**
 * A nats-server of our own. It is either running or not:
 *
 * - running, from `start` on: ends by `stop`, by `kill`, by itself, or with this process.
 * - ended: `restart` runs it again on the same port and store. `stop` removes a temporary store, `kill` does not.
 */
export class NatsServer implements AsyncDisposable {
  readonly port: number;
  readonly storeDir: string;
  readonly #setup: NatsServerSetup;
  #process: ServerProcess;
  #pid = 0;
  #version = '';

  private constructor(setup: NatsServerSetup) {
    this.#setup = setup;
    this.port = setup.port;
    this.storeDir = setup.storeDir;
    this.#process = spawnServer(setup);
  }

  /** Starts a server and waits until it is ready. @internal Use `startNatsServer`. */
  static async start(setup: NatsServerSetup, signal?: AbortSignal): Promise<NatsServer> {
    try {
      await prepare(setup);
      const server = new NatsServer(setup);
      await server.#run(signal);
      return server;
    } catch (error) {
      await removeTree(setup.privateDir);
      throw error;
    }
  }

  /** For example `nats://127.0.0.1:23456`. */
  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** The server's own pid, not its watchdog's; another after a restart. */
  get pid(): number {
    return this.#pid;
  }

  /** What the running server says that it is, for example `2.15.2`. */
  get version(): string {
    return this.#version;
  }

  /** Settles when the server has ended, however it did; another promise after a restart. Never rejects. */
  get exited(): Promise<ServerExit> {
    return this.#process.exited;
  }

  /** Ends the server: SIGTERM, and SIGKILL if it has not ended after 5 s. Removes a temporary store. */
  async stop(): Promise<void> {
    await this.#process.stop();
    await removeTree(this.#setup.privateDir);
  }

  /** Ends the server by a signal, SIGKILL for a crash, and waits until it is gone. Its data stays. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#process.kill(signal);
  }

  /** Runs the server again, on the same port and store; one that still runs is ended by SIGTERM first. */
  async restart(signal?: AbortSignal): Promise<void> {
    await this.#end();
    await prepare(this.#setup);
    this.#process = spawnServer(this.#setup);
    await this.#run(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(signal: AbortSignal | undefined): Promise<void> {
    const { log, storeDir } = this.#setup;
    const current = this.#process;
    try {
      const holder = await claim(claimFile(storeDir), { pid: current.watchdogPid }).catch(
        (error: unknown) => {
          throw unusable(storeDir, error);
        },
      );
      if (holder !== undefined) {
        throw new NatsServerError(
          `${storeDir} is in use by another nats-server (its watchdog is process ${holder.pid}): ` +
            'stop that one first, or choose another folder',
        );
      }
      this.#pid = await current.start();
      const info = await current.hold(waitUntilReady(this.#setup, current, this.#pid, signal));
      this.#version = info.version;
      log(`nats-server ${info.version} listens on ${this.url}`);
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  /** Unlike `stop`, keeps the store, temporary or not. */
  async #end(): Promise<void> {
    const deadline = setTimeout(() => void this.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.kill('SIGTERM').finally(() => clearTimeout(deadline));
  }
}

function claimFile(storeDir: string): string {
  return join(storeDir, 'leat-nats-server.pid');
}

async function prepare(setup: NatsServerSetup): Promise<void> {
  const { privateDir, storeDir, port, jetstream } = setup;
  const portsDir = join(privateDir, 'ports');
  try {
    await makeDirectory(privateDir, 0o700);
    await removeTree(portsDir);
    await mkdir(portsDir);
    await makeDirectory(storeDir, 0o700);
    const text = formatConfig({ port, storeDir, portsDir, jetstream, extra: setup.config });
    await writeFile(join(privateDir, 'server.conf'), text, { mode: 0o600 });
  } catch (error) {
    throw unusable(storeDir, error);
  }
}

function unusable(storeDir: string, cause: unknown): NatsServerError {
  return new NatsServerError(
    `the store folder ${storeDir} cannot be used (${reasonOf(cause)}): another user may own it`,
    { cause },
  );
}

function spawnServer(setup: NatsServerSetup): ServerProcess {
  const { binaryPath, privateDir, storeDir, log } = setup;
  const order = {
    file: binaryPath,
    args: ['-c', join(privateDir, 'server.conf')],
    claim: claimFile(storeDir),
    removeOnStop: privateDir,
    stopTimeoutMs: STOP_TIMEOUT_MS,
  };
  return new ServerProcess(order, (line) => {
    if (/\[(?:FTL|ERR|WRN)\]/.test(line)) log(`nats-server: ${withoutPrefix(line)}`);
  });
}

/**
 * Waits until the server has written its ports file, which proves that it is ours that listens and
 * not a stranger on the same port, and greets connections as it should.
 */
async function waitUntilReady(
  setup: NatsServerSetup,
  current: ServerProcess,
  pid: number,
  signal: AbortSignal | undefined,
): Promise<ServerInfo> {
  const deadline = performance.now() + setup.startTimeoutMs;
  const portsDir = join(setup.privateDir, 'ports');
  let info: ServerInfo | undefined;
  for (;;) {
    signal?.throwIfAborted();
    if (current.hasExited) {
      const { code, signal: killedBy } = await current.exited;
      const said = current.tail.complaint() || `exit ${killedBy ?? code}`;
      throw new NatsServerError(`nats-server ended at its start: ${said}`);
    }
    const names = await readdir(portsDir);
    if (names.some((name) => name.includes(`_${pid}.`))) {
      info = (await readServerInfo(setup.port, deadline - performance.now())) ?? info;
      if (info !== undefined && (info.jetstream === true || !setup.jetstream)) return info;
    }
    if (performance.now() > deadline) {
      const lacking = info === undefined ? 'does not listen' : 'has no JetStream';
      const said = current.tail.complaint();
      throw new NatsServerError(
        `nats-server ${lacking} ${setup.startTimeoutMs / 1000} s after its start` +
          (said === '' ? '' : `: ${said}`),
      );
    }
    await delay(POLL_MS);
  }
}
