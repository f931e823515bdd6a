import { createHash } from 'node:crypto';
import { TerminalError } from '@leat/core';
import { keyPart, MAX_BLOB_BYTES } from '@leat/runtime';
import type { BlobOptions, BlobReference, StageBlobs } from '@leat/sdk';
import type { RecordHome } from './record-home.ts';
import type { StoresInUse } from './stores-in-use.ts';

/** Keys of blobs: of a record, or kept. Nothing else can be read or deleted by a reference, whatever it says. */
const BLOB_KEY = /^[rk]\.[\w.-]+\.blob\.[\w-]+$/;

/** The blobs of one record in one stage: see `StageBlobs`. */
export class RecordBlobs implements StageBlobs {
  readonly #data: StoresInUse['data'];
  readonly #home: RecordHome;

  constructor({ data }: Pick<StoresInUse, 'data'>, home: RecordHome) {
    this.#data = data;
    this.#home = home;
  }

  async put(
    name: string,
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    { keep = false }: BlobOptions = {},
  ): Promise<BlobReference> {
    const whole = await collect(name, bytes);
    const at = `${this.#home.own}.blob.${keyPart(name)}`;
    const blob = keep ? at.replace(/^r/, 'k') : at;
    await this.#data.put(blob, whole);
    return { blob, digest: digestOf(whole), bytes: whole.length };
  }

  async get(reference: BlobReference): Promise<Uint8Array | undefined> {
    const found = await this.#data.get(keyIn(reference));
    if (found === undefined) return undefined;
    const digest = digestOf(found);
    if (digest === reference.digest) return found;
    throw new TerminalError(
      `The blob ${reference.blob} is not the one that was put: its digest should be ${reference.digest} and is ${digest}. Another execution of its record has written it, or it was altered`,
    );
  }

  async delete(reference: BlobReference): Promise<void> {
    await this.#data.delete(keyIn(reference));
  }
}

/** @param reference as a record may give it */
function keyIn(reference: BlobReference): string {
  const key: unknown = reference?.blob;
  if (typeof key === 'string' && key.length <= 400 && BLOB_KEY.test(key)) return key;
  throw new TerminalError(
    `context.blobs needs a reference that its put has given, and got ${JSON.stringify(reference)}`,
  );
}

async function collect(
  name: string,
  bytes: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  if (bytes instanceof Uint8Array) {
    demandSmall(name, bytes.length);
    return bytes;
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of bytes) {
    length += part.length;
    demandSmall(name, length);
    parts.push(part);
  }
  return Buffer.concat(parts, length);
}

function demandSmall(name: string, length: number): void {
  if (length <= MAX_BLOB_BYTES) return;
  throw new TerminalError(
    `The blob ${JSON.stringify(name)} has more than ${MAX_BLOB_BYTES} bytes, the most that context.blobs takes: put it into parts, or where it can stay`,
  );
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
