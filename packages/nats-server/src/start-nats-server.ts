import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { NatsServerBinary } from './binary.ts';
import { NatsServerError, reasonOf } from './error.ts';
import { findNatsServer } from './find-nats-server.ts';
import { findFreePort, isFree } from './free-port.ts';
import { NatsServer, type NatsServerSetup } from './nats-server.ts';

/** How long a server may take until it is ready. Long, as it reads its whole store at first. */
const DEFAULT_START_TIMEOUT_MS = 30_000;

const MAX_PORT_ATTEMPTS = 5;

export interface StartNatsServerOptions {
  /** @defaultValue what `findNatsServer()` finds */
  readonly binary?: NatsServerBinary | string;
  /** Where JetStream keeps its data. @defaultValue a temporary folder, removed at stop */
  readonly storeDir?: string;
  /** @defaultValue a free port */
  readonly port?: number;
  /** Extra lines of nats-server's configuration, for example `max_payload: 8MB`. They win over Leat's. */
  readonly config?: string;
  /** Whether the server has JetStream. @defaultValue true */
  readonly jetstream?: boolean;
  /** Gets a line for each step that takes time, and the server's warnings and errors. */
  readonly log?: (line: string) => void;
  /** Gives up the start. A server that has started is ended by `stop`. */
  readonly signal?: AbortSignal;
  /** @defaultValue 30_000 (30 s) */
  readonly startTimeoutMs?: number;
}

/**
 * Starts nats-server with JetStream on a private loopback port and folder, and waits until it is
 * ready. It ends with this process, however this process ends.
 */
export async function startNatsServer(options: StartNatsServerOptions = {}): Promise<NatsServer> {
  const { log = () => {}, signal } = options;
  const binary =
    options.binary ?? (await findNatsServer({ log, ...(signal !== undefined && { signal }) }));
  const binaryPath = typeof binary === 'string' ? binary : binary.path;
  for (let attempt = 1; ; attempt += 1) {
    const setup = await setUp(options, binaryPath, log);
    try {
      return await NatsServer.start(setup, signal);
    } catch (error) {
      // Another may have taken the free port before the server did.
      const retry = options.port === undefined && attempt < MAX_PORT_ATTEMPTS;
      if (!retry || (await isFree(setup.port))) throw error;
    }
  }
}

/** Makes the server's private folder, and finds a port for it. */
async function setUp(
  { storeDir, port, config = '', jetstream = true, startTimeoutMs }: StartNatsServerOptions,
  binaryPath: string,
  log: (line: string) => void,
): Promise<NatsServerSetup> {
  const privateDir = await mkdtemp(join(tmpdir(), 'leat-nats-')).catch((cause: unknown) => {
    throw new NatsServerError(
      `the folder for temporary files, ${tmpdir()}, cannot be used (${reasonOf(cause)}): set TMPDIR to one that can be written to`,
      { cause },
    );
  });
  return {
    binaryPath,
    privateDir,
    storeDir: storeDir === undefined ? join(privateDir, 'store') : resolve(storeDir),
    port: port ?? (await findFreePort()),
    config,
    jetstream,
    startTimeoutMs: startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS,
    log,
  };
}
