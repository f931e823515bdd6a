import { createSecretKey } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { LeatError, messageOf } from '@leat/core';
import { fromStart } from '@leat/sdk';
import { isKey } from '../shown.ts';
import type { SigningKey } from './signature.ts';

/** HMAC-SHA-256 gives away nothing of a key that is as long as what it makes. */
const LEAST_BYTES = 32;
/** What is longer is a wrong file, not a key. */
const MOST_BYTES = 4_096;
const ID = /^[\w.-]{1,64}$/;
/** Others than the file's owner and group may read it, or others than the owner may change it. */
const TOO_OPEN = 0o026;
const REMEDY = 'make one by "openssl rand -base64 32"';

/**
 * Reads the keys that messages are signed with.
 *
 * @param given each as `id:file`; the first one signs, all are good for checking
 * @returns none, if none is given: then nothing is signed
 * @throws LeatError `invalid-configuration`; it never shows anything of a key
 */
export async function readSigningKeys(given: readonly string[]): Promise<readonly SigningKey[]> {
  const keys: SigningKey[] = [];
  for (const text of given) {
    const key = await readSigningKey(text);
    if (keys.some(({ id }) => id === key.id)) {
      throw refusal(`The signing key ${key.id} is given twice: give each key an id of its own.`);
    }
    keys.push(key);
  }
  return keys;
}

async function readSigningKey(text: string): Promise<SigningKey> {
  const colon = text.indexOf(':');
  const [id, path] = [text.slice(0, colon), text.slice(colon + 1)];
  if (colon < 0 || !ID.test(id) || path === '' || isKey(path)) {
    // Somebody may have given the key itself.
    throw refusal(
      'A signing key must be given as id:file, with an id of 1 to 64 letters, digits, ".", "-" or "_"; something else was given, which is not shown.',
    );
  }
  const file = `The file ${path} of the signing key ${id}`;
  const bytes = await bytesOf(file, fromStart(path));
  const secret = withoutLineBreak(bytes);
  if (secret.length === 0) throw refusal(`${file} is empty: ${REMEDY}.`);
  if (secret.length < LEAST_BYTES || secret.length > MOST_BYTES) {
    throw refusal(
      `${file} must hold from ${LEAST_BYTES} to ${MOST_BYTES} bytes and holds ${secret.length}: ${REMEDY}.`,
    );
  }
  return { id, secret: createSecretKey(secret) };
}

async function bytesOf(file: string, path: string): Promise<Buffer> {
  try {
    const { mode } = await stat(path);
    if (process.platform !== 'win32' && (mode & TOO_OPEN) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(3, '0');
      throw refusal(
        `${file} is open to others (mode ${octal}): take their rights away by "chmod 600", or 440 for a group that shall read it.`,
      );
    }
    return await readFile(path);
  } catch (error) {
    if (error instanceof LeatError) throw error;
    throw refusal(`${file} cannot be read: ${messageOf(error)}.`, error);
  }
}

/** Without what an editor, or a command, puts behind a line. */
function withoutLineBreak(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 10 || bytes[end - 1] === 13)) end--;
  return bytes.subarray(0, end);
}

function refusal(sentence: string, cause?: unknown): LeatError {
  return new LeatError('invalid-configuration', sentence, { cause });
}
