import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { LeatError, messageOf } from '@leat/core';
import { fromStart } from '@leat/sdk';
import { type Authenticator, credsAuthenticator, nkeyAuthenticator } from '@nats-io/transport-node';
import { isKey } from '../shown.ts';
import type { NatsSettings } from './settings.ts';

/**
 * Who comes, by a file of credentials or a key; undefined if neither is given.
 *
 * @throws LeatError `invalid-configuration` if the file cannot be read, or holds something else
 */
export async function authenticatorOf(settings: NatsSettings): Promise<Authenticator | undefined> {
  const { credsFile, nkeyFile } = settings;
  if (credsFile !== undefined) return fromFile(credsFile, 'JWT and key', credsAuthenticator);
  if (nkeyFile === undefined) return undefined;
  return fromFile(nkeyFile, 'an nkey seed', (bytes) =>
    nkeyAuthenticator(Buffer.from(Buffer.from(bytes).toString().trim())),
  );
}

/** Reads the file anew for each connection, since credentials that expire are renewed there. */
async function fromFile(
  path: string,
  expected: string,
  make: (bytes: Uint8Array) => Authenticator,
): Promise<Authenticator> {
  let good = tried(make(await readSecret(path)), path, expected);
  return (nonce) => {
    try {
      const renewed = make(readFileSync(fromStart(path)));
      const answer = renewed(nonce);
      good = renewed;
      return answer;
    } catch {
      // It is perhaps being written; the client would close for good.
      return good(nonce);
    }
  };
}

/** Signs something, because the client would take a key that it cannot use for a server that is away. */
function tried(authenticator: Authenticator, path: string, expected: string): Authenticator {
  try {
    authenticator('nonce');
    return authenticator;
  } catch (error) {
    throw new LeatError(
      'invalid-configuration',
      `The NATS credentials file ${path} does not hold ${expected}: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

/** @throws LeatError `invalid-configuration` if there is no such file, or a key stands in place of its path */
export async function readSecret(path: string): Promise<Uint8Array> {
  if (isKey(path)) {
    throw new LeatError(
      'invalid-configuration',
      'A setting that should be the path of a file with credentials for NATS holds a key or a certificate itself, which is not shown: write it to a file, and give the path (NATS_CREDS, NATS_NKEY, NATS_CA, NATS_CERT, NATS_KEY).',
    );
  }
  try {
    return await readFile(fromStart(path));
  } catch (error) {
    throw new LeatError(
      'invalid-configuration',
      `The file ${path} with credentials for NATS cannot be read: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}
