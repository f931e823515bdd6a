import { type Logger, wait } from '@leat/runtime';
import type { Health } from './health.ts';

/** How much longer than its time a stop may take, to give back what is in hand. */
const LATE_MS = 1_000;

/** What a service is made of. */
interface ServiceParts {
  readonly ended: Promise<void>;
  readonly stop: AbortController;
  readonly abort: AbortController;
  readonly health: () => Health;
  readonly httpPort: number | undefined;
  readonly logger: Logger;
  readonly stages: readonly string[];
}

/**
 * Stages that this process hosts. Made by `serve`; it runs until `stop` is called, the signal of its options
 * is aborted, it fails, or, with `once`, nothing is left to do.
 */
export class Service implements AsyncDisposable {
  /** The names of the stages. */
  readonly stages: readonly string[];
  /** The port on which probes are answered, if they are. */
  readonly httpPort: number | undefined;
  readonly #parts: ServiceParts;
  #isWatched = false;

  /** @internal Use `serve`. */
  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.stages = parts.stages;
    this.httpPort = parts.httpPort;
    parts.ended.catch((error: unknown) => {
      if (!this.#isWatched) parts.logger.error({ err: error }, 'service failed');
    });
  }

  /** Whether it is ready for work: connected, and pulling from each of its queues. */
  get health(): Health {
    return this.#parts.health();
  }

  /**
   * Resolves when the service has ended as it was asked to, or as `once` has it.
   *
   * @throws LeatError `sink-unfit`, `invalid-pipeline` or whatever else keeps the service from working
   */
  get ended(): Promise<void> {
    this.#isWatched = true;
    return this.#parts.ended;
  }

  /**
   * Stops the service: it pulls no more, finishes what is in hand, and says so to NATS. It may be called again
   * with less time.
   *
   * @param graceMs after so many milliseconds, what is in hand is given back for other replicas; without it,
   * never, and 0 is at once
   * @returns resolves when it has ended, even if it failed: `ended` has the reason. With a server that is away, it may
   * resolve a second after that time and leave the rest to end by itself
   */
  async stop(graceMs?: number): Promise<void> {
    const { stop, abort, ended } = this.#parts;
    stop.abort();
    if (graceMs === 0) abort.abort();
    const over = new AbortController();
    if (graceMs !== undefined) {
      void wait(graceMs, over.signal).then(
        () => abort.abort(),
        () => undefined,
      );
    }
    const late =
      graceMs === undefined ? [] : [wait(graceMs + LATE_MS, over.signal).catch(() => undefined)];
    await Promise.race([ended.catch(() => undefined), ...late]);
    over.abort();
  }

  /** Stops it, and throws why it failed if nobody has looked at `ended`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (!this.#isWatched) await this.#parts.ended;
  }
}
