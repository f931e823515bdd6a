import { createHmac, hash, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { StoredMsg } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';

/** Where a message's signature stands: `v1;k=<key id>;<HMAC-SHA-256 in base64>`. */
export const SIGNATURE = 'Leat-Signature';
/** On a message whose data are in the object store: their SHA-256, in base64. It is signed, as all headers of Leat. */
export const BODY_DIGEST = 'Leat-Body-Digest';

/** The headers that decide something begin so, also those that a later version adds. */
const PREFIX = 'Leat-';
/** The one header of others that decides: by it JetStream drops duplicates. */
const MESSAGE_ID = 'Nats-Msg-Id';
/** What the signature of one kind of text must not be good for elsewhere. */
const SCHEME = 'leat-signature-v1';
const FORM = /^v1;k=([\w.-]{1,64});([A-Za-z0-9+/]{43}=)$/;

/** A key, and the name by which messages say that it was used. */
export interface SigningKey {
  readonly id: string;
  /** As an object of the platform, which shows nothing of it when it is logged. */
  readonly secret: KeyObject;
}

/** As much of a message as is signed: its subject, those of its headers that decide, and its data. */
export interface SignedMessage {
  readonly subject: string;
  readonly headers?: MsgHdrs | undefined;
  readonly data: Uint8Array;
}

/** As much of a message as is signed, of one that a stream has. */
export function partsOf({
  subject,
  header,
  data,
}: Pick<StoredMsg, 'subject' | 'header' | 'data'>): SignedMessage {
  return { subject, headers: header, data };
}

/** What is wrong with the signature of a message. */
export type Flaw = 'unsigned' | 'not-understood' | 'unknown-key' | 'wrong';

/** The signature of a message, as its header has it. */
export function signatureOf({ id, secret }: SigningKey, message: SignedMessage): string {
  return `v1;k=${id};${hmacOf(secret, message)}`;
}

/** What is wrong with the signature of a message; `undefined` if one of the keys has signed it as it is. */
export function flawOf(keys: readonly SigningKey[], message: SignedMessage): Flaw | undefined {
  const text = message.headers?.get(SIGNATURE) ?? '';
  if (text === '') return 'unsigned';
  const [, id, found = ''] = FORM.exec(text) ?? [];
  if (id === undefined) return 'not-understood';
  const key = keys.find((each) => each.id === id);
  if (key === undefined) return 'unknown-key';
  const expected = hmacOf(key.secret, message);
  // Both are 44 characters.
  return timingSafeEqual(Buffer.from(found), Buffer.from(expected)) ? undefined : 'wrong';
}

/** The key that a message says it was signed with; it is not checked. */
export function keyIdOf({ headers }: Pick<SignedMessage, 'headers'>): string | undefined {
  return FORM.exec(headers?.get(SIGNATURE) ?? '')?.[1];
}

/** The SHA-256 of some data, in base64. */
export function digestOf(data: Uint8Array): string {
  return hash('sha256', data, 'base64');
}

function hmacOf(secret: KeyObject, message: SignedMessage): string {
  return createHmac('sha256', secret).update(canonicalText(message)).digest('base64');
}

/**
 * What is signed of a message. It is JSON, so that no two messages have the same: a name cannot go over into a value,
 * nor the values of one header into those of another. Headers that others add, such as those of traces, are left out.
 */
export function canonicalText({ subject, headers, data }: SignedMessage): string {
  const names = (headers?.keys() ?? []).filter(decides).toSorted();
  const fields = names.map((name) => [name, headers?.values(name)]);
  return JSON.stringify([SCHEME, subject, fields, digestOf(data)]);
}

function decides(name: string): boolean {
  return (name.startsWith(PREFIX) && name !== SIGNATURE) || name === MESSAGE_ID;
}
