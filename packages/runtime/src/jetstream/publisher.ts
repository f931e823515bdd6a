import { type Backoff, BusyError, LeatError, messageOf, type PipelineSpec } from '@leat/core';
import {
  errors,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Subscription,
  createInbox,
} from '@nats-io/transport-node';
import type { Logger } from '@leat/sdk';
import { persist } from '../persist.ts';
import type { Signing } from '../signing/signing.ts';
import type { Link } from './link.ts';

/** What JetStream answers to a publish. */
export interface Stored {
  readonly sequence: number;
  /** Whether a message with that id was stored before, and this one was not. */
  readonly isDuplicate: boolean;
}

/** As much of a `PipelineConnection` as it takes to publish for a pipeline. */
export interface Publishing {
  readonly spec: Pick<PipelineSpec, 'name'>;
  readonly publisher: Pick<Publisher, 'publish'>;
  /** The largest message that the server takes, in bytes; another one, perhaps, after a restart. */
  readonly maxPayload: number;
}

/** A message is larger than the server takes: it may have been restarted with a lower limit. */
class TooLargeError extends Error {}

/** Whether a publish failed because the message is larger than the server takes by now. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof TooLargeError;
}

/** What a publisher is given besides its connection. */
export interface PublisherOptions {
  /** Makes the streams again, or puts them right; called when they refuse what is not too much. */
  readonly repair: () => Promise<void>;
  /** Told now and then of a message that waits for something other than room in its queue, and why. */
  readonly onWaiting: (subject: string, reason: string) => void;
  /** Signs all that is published; nothing is signed without it. */
  readonly signing?: Signing | undefined;
  readonly logger: Logger;
}

interface Pending {
  readonly resolve: (stored: Stored) => void;
  readonly reject: (error: Error) => void;
  readonly deadline: number;
}

/** The stream is full: message limit, byte limit, the server's storage, or what is on its way to it. */
const FULL_CODES = new Set([10047, 10077, 10122, 10123, 10167, 10023]);
/** A message with that id is stored as soon as a quorum of the cluster has it. */
const IN_PROCESS = 10158;

const REFUSED_BACKOFF: Backoff = {
  initialDelayMs: 20,
  maxDelayMs: 1_000,
  factor: 2,
  jitter: 'equal',
};

/** How long a message waits before the log says so. */
const COMPLAIN_AFTER_MS = 5_000;
const COMPLAIN_EVERY_MS = 30_000;

const ANSWER_TIMEOUT_MS = 5_000;
const SWEEP_MS = 500;

/**
 * Publishes to JetStream with many messages in flight over one shared reply inbox: a third of the cost
 * of the client's own promise per publish. A publish that is refused because the queue is full, or that
 * gets no answer, is repeated with the same message id until it is stored: that is Leat's back pressure. What a stream
 * refuses for any other reason is repeated, too: an operator has changed it, and may change it back.
 */
export class Publisher {
  readonly #connection: NatsConnection;
  readonly #inbox = createInbox();
  readonly #subscription: Subscription;
  readonly #pending = new Map<string, Pending>();
  readonly #sweeper: NodeJS.Timeout;
  readonly #repair: () => Promise<void>;
  readonly #signing: Signing | undefined;
  readonly #logger: Logger;
  readonly #onWaiting: (subject: string, reason: string) => void;
  #complainedAt = 0;
  /** How many publishes wait to be stored, and when the first of them began or the last one was over. */
  #waiting = 0;
  #movedAt = 0;
  readonly #stopListening: () => void;
  #token = 0;
  #isClosed = false;

  constructor(
    connection: NatsConnection,
    link: Link,
    { repair, onWaiting, signing, logger }: PublisherOptions,
  ) {
    this.#logger = logger;
    this.#signing = signing;
    this.#onWaiting = onWaiting;
    this.#connection = connection;
    this.#repair = repair;
    // What was on its way when the connection broke is gone, or its answer is: no need to wait for it.
    this.#stopListening = link.onChange(() => {
      if (link.isUp) this.#rejectAll(new BusyError('the connection was lost'));
    });
    this.#subscription = connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#answered(message);
      },
    });
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  /**
   * Publishes, and waits until the message is stored, however long the queue is full or the server away.
   *
   * @param headers should carry `Nats-Msg-Id`, since a publish may be repeated
   * @throws LeatError `unreachable` if the publisher is closed, what {@link isTooLarge} knows, or whatever the signal
   *   is aborted with
   */
  async publish(
    subject: string,
    body: Uint8Array,
    headers: MsgHdrs,
    signal: AbortSignal,
  ): Promise<Stored> {
    this.#signing?.sign(subject, headers, body);
    const since = performance.now();
    if (this.#waiting++ === 0) this.#movedAt = since;
    try {
      return await persist(() => this.#publishOnce(subject, body, headers), {
        backoff: REFUSED_BACKOFF,
        isFinal: (error) => !(error instanceof BusyError),
        onWait: async ({ error, failures }) => {
          if (performance.now() - since >= COMPLAIN_AFTER_MS) this.#complain(subject, error);
          if (error instanceof RefusedError && failures % 3 === 0) await this.#repair();
        },
        signal,
      });
    } finally {
      this.#waiting--;
      this.#movedAt = performance.now();
    }
  }

  /** Milliseconds for which messages have waited, and none was stored or given up; 0 if none waits. */
  get stalledMs(): number {
    return this.#waiting === 0 ? 0 : performance.now() - this.#movedAt;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#sweeper);
    this.#stopListening();
    this.#subscription.unsubscribe();
    this.#rejectAll(closedError());
  }

  #rejectAll(error: Error): void {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of all) reject(error);
  }

  /** A queue may be full for as long as it takes; but nobody should have to guess what is waited for. */
  #complain(subject: string, error: unknown): void {
    const now = performance.now();
    if (this.#complainedAt > 0 && now - this.#complainedAt < COMPLAIN_EVERY_MS) return;
    this.#complainedAt = now;
    const reason = `waiting to send: ${messageOf(error)}`;
    this.#logger.warn({ subject }, reason);
    if (!(error instanceof FullError)) this.#onWaiting(subject, reason);
  }

  #publishOnce(subject: string, body: Uint8Array, headers: MsgHdrs): Promise<Stored> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(closedError());
        return;
      }
      const reply = `${this.#inbox}.${(this.#token++).toString(36)}`;
      this.#pending.set(reply, { resolve, reject, deadline: Date.now() + ANSWER_TIMEOUT_MS });
      try {
        this.#connection.publish(subject, body, { reply, headers });
      } catch (error) {
        this.#pending.delete(reply);
        const sentence = `The message for ${subject} cannot be sent: ${String(error)}.`;
        const isLarge =
          error instanceof errors.InvalidArgumentError && /max_payload/.test(sentence);
        reject(
          isLarge
            ? new TooLargeError(sentence, { cause: error })
            : new LeatError('unreachable', sentence, { cause: error }),
        );
      }
    });
  }

  #answered(message: Msg): void {
    const pending = this.#pending.get(message.subject);
    if (pending === undefined) return;
    this.#pending.delete(message.subject);
    if (message.data.length === 0) {
      pending.reject(
        new RefusedError('nothing stores this subject: the stream is gone, or has no leader'),
      );
      return;
    }
    const answer = message.json<{
      readonly seq?: number;
      readonly duplicate?: boolean;
      readonly error?: {
        readonly err_code?: number;
        readonly code?: number;
        readonly description?: string;
      };
    }>();
    if (answer.error === undefined) {
      pending.resolve({ sequence: answer.seq ?? 0, isDuplicate: answer.duplicate ?? false });
      return;
    }
    const { err_code: code = 0, code: status = 0, description = 'no reason given' } = answer.error;
    const reason = `the queue does not take more: ${description}`;
    if (FULL_CODES.has(code) && !/insufficient/.test(description)) {
      pending.reject(new FullError(reason));
    } else if (FULL_CODES.has(code) || code === IN_PROCESS || status === 503) {
      pending.reject(new BusyError(reason));
    } else {
      pending.reject(new RefusedError(`JetStream refuses it: ${description} (${code})`));
    }
  }

  #sweep(): void {
    const now = Date.now();
    for (const [reply, pending] of this.#pending) {
      // Replies time out in the order in which they were asked for.
      if (pending.deadline > now) break;
      this.#pending.delete(reply);
      pending.reject(new BusyError('JetStream did not answer in time'));
    }
  }
}

function closedError(): LeatError {
  return new LeatError(
    'unreachable',
    'The message cannot be sent, because the connection to NATS was closed.',
  );
}

/** There is no room, because those who take from the queue are slower: that is back pressure. */
class FullError extends BusyError {}

/** It is not for want of room: the stream is gone, or is not as Leat made it. It waits until that is put right. */
class RefusedError extends BusyError {}
