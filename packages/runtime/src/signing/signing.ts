import type { Logger } from '@leat/sdk';
import type { MsgHdrs } from '@nats-io/transport-node';
import {
  BODY_DIGEST,
  digestOf,
  type Flaw,
  flawOf,
  keyIdOf,
  SIGNATURE,
  signatureOf,
  type SignedMessage,
  type SigningKey,
} from './signature.ts';

/** Most often that the log says so. */
const SAY_MS = 1_000;

/** How a message is refused that comes once. */
const ONCE = { isKnown: false, isTold: true };

/** A message that is not believed. */
export interface Refused {
  /** A whole sentence that says why, and what to do. */
  readonly reason: string;
  /** Whether another replica, which has other keys, may believe it. */
  readonly mayBeGood: boolean;
}

/** Told of each message that is refused, to note it beside its run. */
export type OnRefused = (subject: string, reason: string) => void;

/**
 * Signs what one process sends to NATS and keeps there, and checks what it reads. Nothing is read of a message, and
 * nothing done by it, before this has looked at it. There is no such object where no key is given: then nothing is
 * signed, and all is believed.
 */
export class Signing {
  readonly #keys: readonly SigningKey[];
  readonly #first: SigningKey;
  readonly #name: string;
  readonly #logger: Logger;
  readonly #listeners: OnRefused[] = [];
  #refused = 0;
  #saidAt = Number.NEGATIVE_INFINITY;

  /**
   * @param keys the first one signs
   * @param name what the process calls itself
   */
  constructor(
    keys: readonly [SigningKey, ...SigningKey[]],
    { name, logger }: { readonly name: string; readonly logger: Logger },
  ) {
    this.#keys = keys;
    [this.#first] = keys;
    this.#name = name;
    this.#logger = logger;
  }

  /** How many messages were refused so far. */
  get refused(): number {
    return this.#refused;
  }

  onRefused(listener: OnRefused): void {
    this.#listeners.push(listener);
  }

  /** Signs a message, all of whose other headers must be there. */
  sign(subject: string, headers: MsgHdrs, data: Uint8Array): void {
    headers.set(SIGNATURE, signatureOf(this.#first, { subject, headers, data }));
  }

  /** Says in a message's headers which data in the object store belong to it; to be called before it is signed. */
  signBody(headers: MsgHdrs, body: Uint8Array): void {
    headers.set(BODY_DIGEST, digestOf(body));
  }

  /** Whether a message is signed as it is; one that is not is not counted. */
  believes(message: SignedMessage): boolean {
    return flawOf(this.#keys, message) === undefined;
  }

  /** Why a message is not believed; `undefined` if it is signed as it is. One that is refused is counted. */
  refusalOf(message: SignedMessage): Refused | undefined {
    const flaw = flawOf(this.#keys, message);
    return flaw && this.#refuse(message, flaw);
  }

  /** As {@link refusalOf}, for the data of a message that are in the object store. */
  refusalOfBody(message: SignedMessage, body: Uint8Array): Refused | undefined {
    const isIts = message.headers?.get(BODY_DIGEST) === digestOf(body);
    return isIts ? undefined : this.#refuse(message, 'wrong');
  }

  /** Refuses a message that is looked at again and again; it is counted and logged unless it `isKnown`. */
  refuse(
    message: SignedMessage,
    how: { readonly isKnown: boolean; readonly isTold: boolean },
  ): void {
    const flaw = flawOf(this.#keys, message);
    if (flaw !== undefined) this.#refuse(message, flaw, how);
  }

  #refuse(message: SignedMessage, flaw: Flaw, { isKnown, isTold } = ONCE): Refused {
    const { subject } = message;
    const reason = `${this.#name} refuses messages: ${this.#sentenceOf(flaw, message)}`;
    if (!isKnown) this.#count(subject, reason);
    if (isTold) for (const listener of this.#listeners) listener(subject, reason);
    return { reason, mayBeGood: flaw === 'unknown-key' || flaw === 'not-understood' };
  }

  #count(subject: string, reason: string): void {
    this.#refused++;
    const now = performance.now();
    if (now - this.#saidAt < SAY_MS) return;
    this.#saidAt = now;
    this.#logger.error({ subject, refused: this.#refused }, reason);
  }

  #sentenceOf(flaw: Flaw, message: SignedMessage): string {
    const ids = this.#keys.map(({ id }) => id).join(', ');
    switch (flaw) {
      case 'unsigned':
        return 'one is not signed. Give the process that wrote it a key by --signing-key.';
      case 'not-understood':
        return 'one has a signature that this version of Leat does not understand. Update it, if a newer Leat wrote that.';
      case 'unknown-key':
        return `one is signed with the key ${keyIdOf(message)}, and known are: ${ids}. Give it that key, too, by --signing-key, if it is yours.`;
      case 'wrong':
        return `one was altered, or the key ${keyIdOf(message)} is another one where it was written. Compare the files of that key.`;
    }
  }
}
