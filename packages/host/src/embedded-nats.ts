import { access, constants, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LeatError, messageOf } from '@leat/core';
import {
  findNatsServer,
  type NatsServer,
  NatsServerError,
  startNatsServer,
} from '@leat/nats-server';
import { makeDirectory, startTime } from '@leat/process-lock';
import type { Logger } from '@leat/sdk';

/** How often it is tried to start a server that died, with waits of a second, two, three and so on. */
const RESTARTS = 5;
const RESTART_DELAY_MS = 1_000;

/** Where the server of a state directory can be found by other processes, while it runs. */
interface Trace {
  readonly url: string;
  readonly pid: number;
  /** When the process was started: its number may be another's by now. */
  readonly started: string;
}

/**
 * A nats-server of this process, as `leat dev` has one: it keeps its data in the state directory, so that a
 * run that was interrupted goes on the next time, and is started again should it die.
 */
export class EmbeddedNats {
  readonly #server: NatsServer;
  readonly #traceFile: string;
  readonly #lost = new AbortController();
  #isStopping = false;

  private constructor(server: NatsServer, traceFile: string, logger: Logger) {
    this.#server = server;
    this.#traceFile = traceFile;
    void this.#keepAlive(logger);
  }

  /**
   * Gets a server, starts it, and waits until it is ready.
   *
   * @throws LeatError `invalid-configuration` if the state directory cannot be made, or `unreachable` if there is no
   * server to be had, or it does not start
   */
  static async start(
    stateDir: string,
    logger: Logger,
    signal?: AbortSignal,
  ): Promise<EmbeddedNats> {
    try {
      return await EmbeddedNats.#start(stateDir, logger, signal);
    } catch (error) {
      if (!(error instanceof NatsServerError)) throw error;
      throw new LeatError('unreachable', sentenceOf(error.message), { cause: error });
    }
  }

  static async #start(
    stateDir: string,
    logger: Logger,
    signal?: AbortSignal,
  ): Promise<EmbeddedNats> {
    const log = (line: string): void => logger.info(line);
    const cannotBe =
      (what: string) =>
      (cause: unknown): never => {
        const sentence = `The state directory ${stateDir} cannot be ${what} (${messageOf(cause)}): give another with --state-dir (LEAT_STATE_DIR).`;
        throw new LeatError('invalid-configuration', sentence, { cause });
      };
    await makeDirectory(stateDir).catch(cannotBe('made'));
    await access(stateDir, constants.W_OK).catch(cannotBe('written to'));
    const binary = await findNatsServer({ log, ...(signal && { signal }) });
    const server = await startNatsServer({
      binary,
      storeDir: join(stateDir, 'nats'),
      log: (line) => logger.debug(line),
      ...(signal && { signal }),
    });
    logger.info({ version: server.version, url: server.url }, 'nats-server started');
    const traceFile = join(stateDir, 'server.json');
    const started = (await startTime(process.pid)) ?? '';
    const trace: Trace = { url: server.url, pid: process.pid, started };
    await writeFile(traceFile, `${JSON.stringify(trace)}\n`).catch(async (error: unknown) => {
      await server.stop();
      cannotBe('written to')(error);
    });
    return new EmbeddedNats(server, traceFile, logger);
  }

  /** The address of the server of a `leat dev` that is running now, if there is one. */
  static async runningUrl(stateDir: string): Promise<string | undefined> {
    try {
      const trace = JSON.parse(await readFile(join(stateDir, 'server.json'), 'utf8')) as Trace;
      const started = await startTime(trace.pid);
      return started !== undefined && started === trace.started ? trace.url : undefined;
    } catch {
      return undefined;
    }
  }

  get url(): string {
    return this.#server.url;
  }

  /** Aborted, with the reason, when the server has died and does not start again. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await rm(this.#traceFile, { force: true });
    await this.#server.stop();
  }

  async #keepAlive(logger: Logger): Promise<void> {
    while (!this.#isStopping) {
      await this.#server.exited;
      if (this.#isStopping) return;
      logger.warn('nats-server died, starting it again');
      await this.#restart(logger);
    }
  }

  /** A port that is not free yet, or a disk that is full for a moment, takes no run along. */
  async #restart(logger: Logger): Promise<void> {
    for (let failures = 1; !this.#isStopping; failures++) {
      try {
        await this.#server.restart();
        return;
      } catch (error) {
        if (failures < RESTARTS) {
          logger.warn({ err: error }, 'nats-server does not start again yet');
          await delay(RESTART_DELAY_MS * failures);
          continue;
        }
        logger.error({ err: error }, 'nats-server does not start again');
        this.#isStopping = true;
        const sentence = `The nats-server died and does not start again (${messageOf(error)}): call again to go on.`;
        this.#lost.abort(new LeatError('unreachable', sentence, { cause: error }));
      }
    }
  }
}

/** What the launcher says, as a sentence. */
function sentenceOf(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;
}
