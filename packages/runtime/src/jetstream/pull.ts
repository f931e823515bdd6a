import { type Backoff, LeatError, messageOf } from '@leat/core';
import type { Consumer, ConsumerMessages, JetStreamClient, JsMsg } from '@nats-io/jetstream';
import type { Logger } from '@leat/sdk';
import { persist } from '../persist.ts';
import type { Holder } from '../hold/holder.ts';
import { drainPull } from './client-internals.ts';
import type { Link } from './link.ts';
import type { PullHealth } from './pull-health.ts';
import { isGone } from './provision.ts';
import type { Slots } from './slots.ts';

/**
 * Short, because after a change of leader a pull that the new leader has never heard of is only noticed
 * when it expires or its heartbeats are missed (44 s with the client's defaults).
 */
const PULL_EXPIRES_MS = 5_000;
const PULL_HEARTBEAT_MS = 1_000;

const TROUBLE_BACKOFF: Backoff = {
  initialDelayMs: 50,
  maxDelayMs: 2_000,
  factor: 2,
  jitter: 'equal',
};

/** Over what messages are pulled: one for a process. */
export interface PullSource {
  readonly client: JetStreamClient;
  readonly link: Link;
  readonly holder: Partial<Pick<Holder, 'ready'>>;
  readonly health: PullHealth;
}

export interface PullOptions extends PullSource {
  readonly stream: string;
  readonly consumer: string;
  /** Only as many messages are asked for as there are free slots; `handle` must lead to a release. */
  readonly slots: Slots;
  readonly handle: (message: JsMsg) => void;
  /** Makes stream and consumer again; called when they are gone. */
  readonly repair: () => Promise<void>;
  /** Stops pulling; what has arrived and was not handed over is given back at once. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Pulls messages until it is told to stop, whatever happens to the connection, the server, the stream or
 * the consumer in between.
 *
 * @throws LeatError `unreachable` if the connection is closed for good
 */
export async function pull(options: PullOptions): Promise<void> {
  const { link, stream, signal } = options;
  await holderReady(options);
  const puller = new Puller(options);
  try {
    while (!signal.aborted) await puller.pull();
  } catch (error) {
    if (signal.aborted) return;
    throw link.isClosed ? closedError(stream, error) : error;
  }
}

/** Asks for as many messages as there are free slots, again and again. */
class Puller {
  readonly #options: PullOptions;
  #consumer: Consumer | undefined;

  constructor(options: PullOptions) {
    this.#options = options;
  }

  /** Asks once; again, if that fails. */
  async pull(): Promise<void> {
    const { link, stream, consumer, signal, logger } = this.#options;
    await persist(() => this.#pullOnce(), {
      backoff: TROUBLE_BACKOFF,
      isFinal: () => signal.aborted || link.isClosed,
      onWait: async ({ error, failures }) => {
        logger.debug({ err: error, stream, consumer }, 'pull interrupted');
        if (isGone(error) || failures % 5 === 0) await repair(this.#options);
      },
      signal,
    });
  }

  async #pullOnce(): Promise<void> {
    const { client, link, health, stream, consumer, slots, signal } = this.#options;
    await link.settled(signal);
    const free = await slots.takeFree(signal);
    let arrived = 0;
    try {
      signal.throwIfAborted();
      if (link.isClosed) throw closedError(stream);
      this.#consumer ??= await client.consumers.get(stream, consumer);
      const messages = await this.#consumer.fetch({
        max_messages: free,
        expires: PULL_EXPIRES_MS,
        idle_heartbeat: PULL_HEARTBEAT_MS,
      });
      health.works(stream);
      await this.#takeIn(messages, () => arrived++);
    } catch (error) {
      health.fails(stream);
      // Looking the consumer up again shows whether it is still there.
      this.#consumer = undefined;
      throw error;
    } finally {
      slots.release(free - arrived);
    }
  }

  /** Hands over what arrives, until the pull is over. */
  async #takeIn(messages: ConsumerMessages, onArrival: () => void): Promise<void> {
    const { link, signal, handle } = this.#options;
    const stop = (): void => void drainPull(messages).catch(() => messages.stop());
    signal.addEventListener('abort', stop, { once: true });
    // It may have come while the pull was asked for.
    if (signal.aborted) stop();
    // The client would ask again for all of it when the connection is back, whatever has arrived.
    const stopListening = link.onChange(() => messages.stop());
    if (!link.isUp) messages.stop();
    try {
      for await (const message of messages) {
        if (signal.aborted) {
          message.nak();
          continue;
        }
        onArrival();
        handle(message);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      stopListening();
    }
  }
}

/** Waits for the holder, unless there is nothing to hold any more. */
async function holderReady({ holder, link, signal }: PullOptions): Promise<void> {
  const over = new AbortController();
  const pointless = new Promise<void>((resolve) => {
    const look = (): void => {
      if (signal.aborted || link.isClosed) resolve();
    };
    signal.addEventListener('abort', look, { signal: over.signal });
    over.signal.addEventListener('abort', link.onChange(look));
    look();
  });
  await Promise.race([holder.ready, pointless]);
  over.abort();
}

function closedError(stream: string, cause?: unknown): LeatError {
  if (cause instanceof LeatError) return cause;
  return new LeatError(
    'unreachable',
    `Nothing can be taken from ${stream}, because the connection to NATS was closed.`,
    { cause },
  );
}

async function repair({ repair: make, stream, logger }: PullOptions): Promise<void> {
  try {
    await make();
  } catch (error) {
    logger.warn({ err: error, stream }, `queue not usable yet: ${messageOf(error)}`);
  }
}
