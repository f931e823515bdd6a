import {
  deadSubject,
  formatAgeOf,
  type LeatError,
  newerVersion,
  parseExecutions,
  runOfSubject,
  settledSubject,
  streamName,
} from '@leat/core';
import { type JetStreamManager, jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { partsOf } from '../signing/signature.ts';
import type { Signing } from '../signing/signing.ts';
import { type DeadLetter, isDeadLetter } from './dead-letter.ts';
import { isGone } from '../jetstream/provision.ts';
import { messagesOf } from '../jetstream/stored-messages.ts';

/** A dead letter, and where it stands in its stream. */
export interface StoredDeadLetter {
  readonly place: number;
  readonly letter: DeadLetter;
}

/**
 * Told of a message that is left out.
 *
 * @param newer if it is a dead letter that only a newer version of Leat can read
 */
export type OnUnreadable = (stream: string, place: number, newer: LeatError | undefined) => void;

/** The dead letters of one pipeline, as they are kept. All methods throw what the client throws. */
export class DeadLetterStore {
  readonly #manager: JetStreamManager;
  readonly #pipeline: string;
  readonly #stream: string;
  readonly #signing: Signing | undefined;

  /** @param signing says which messages are believed; all are without it */
  constructor(manager: JetStreamManager, pipeline: string, signing: Signing | undefined) {
    this.#manager = manager;
    this.#pipeline = pipeline;
    this.#stream = streamName(pipeline, 'dead');
    this.#signing = signing;
  }

  static async open(
    connection: NatsConnection,
    pipeline: string,
    signing: Signing | undefined,
  ): Promise<DeadLetterStore> {
    const manager = await jetstreamManager(connection, { checkAPI: false });
    return new DeadLetterStore(manager, pipeline, signing);
  }

  /** The place of what came last. */
  async last(): Promise<number> {
    return (await this.#manager.streams.info(this.#stream)).state.last_seq;
  }

  /**
   * The letters of a run, or of all (`*`), oldest first; also several of one record whose chunk was worked
   * on more than once.
   *
   * @param onUnreadable told of a message that is no dead letter, or one that only a newer Leat can read
   */
  async *letters(run: string, onUnreadable?: OnUnreadable): AsyncGenerator<StoredDeadLetter> {
    const subject = deadSubject(this.#pipeline, run);
    for await (const message of messagesOf(this.#manager, this.#stream, subject)) {
      const letter = this.#isRefused(message) ? undefined : letterIn(message);
      if (letter !== undefined) yield { place: message.seq, letter };
      else onUnreadable?.(this.#stream, message.seq, newerLetter(message));
    }
  }

  /** The letter at a place, if it is still there. */
  async at(place: number): Promise<DeadLetter | undefined> {
    try {
      const message = await this.#manager.streams.getMessage(this.#stream, { seq: place });
      return message === null || this.#isRefused(message) ? undefined : letterIn(message);
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  /** @returns whether it was there */
  async delete(place: number): Promise<boolean> {
    try {
      return await this.#manager.streams.deleteMessage(this.#stream, place, false);
    } catch (error) {
      // Servers have several codes for a message that is gone; what counts is whether it is.
      if ((await this.at(place)) !== undefined) throw error;
      return false;
    }
  }

  /** The executions of a run that receipts have named: theirs are the letters that count. */
  async executions(run: string): Promise<Set<string>> {
    const named = new Set<string>();
    const subject = settledSubject(this.#pipeline, run);
    for await (const message of messagesOf(this.#manager, this.#stream, subject)) {
      if (this.#isRefused(message)) continue;
      for (const execution of parseExecutions(message.string()) ?? []) named.add(execution);
    }
    return named;
  }

  /** Whether a message is not believed. */
  #isRefused(message: StoredMsg): boolean {
    return this.#signing?.refusalOf(partsOf(message)) !== undefined;
  }

  /** To be called when a run has no letters any more. */
  async forgetExecutions(run: string): Promise<void> {
    await this.#manager.streams.purge(this.#stream, {
      filter: settledSubject(this.#pipeline, run),
    });
  }
}

/** The letter in a message, if it is one and of the run that its subject names. */
function letterIn(message: StoredMsg): DeadLetter | undefined {
  const value = jsonIn(message);
  if (!isDeadLetter(value) || formatAgeOf('letter', value) === 'newer') return undefined;
  if (value.run !== runOfSubject(message.subject)) return undefined;
  const { v: _, ...letter } = value as DeadLetter & { readonly v?: unknown };
  return letter;
}

function newerLetter(message: StoredMsg): LeatError | undefined {
  const value = jsonIn(message);
  if (formatAgeOf('letter', value) !== 'newer') return undefined;
  const what = `A dead letter of the run ${runOfSubject(message.subject)}`;
  return newerVersion('letter', what, (value as { readonly v: unknown }).v);
}

/** `undefined` for what is no JSON. */
function jsonIn(message: StoredMsg): unknown {
  try {
    return message.json();
  } catch {
    return undefined;
  }
}
