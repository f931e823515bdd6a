import { readFileSync } from 'node:fs';
import { LeatError, messageOf } from '@leat/core';
import type { PoolConfig } from 'pg';

const MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
type Mode = (typeof MODES)[number];

/** What the driver calls them, and what older URLs have. */
const OTHER_NAMES: Readonly<Record<string, Mode>> = {
  'no-verify': 'require',
  true: 'verify-full',
  1: 'verify-full',
  false: 'disable',
  0: 'disable',
};

/**
 * Whether and how the connection is encrypted. The modes mean what they mean to libpq: the driver takes most of
 * them for `verify-full`. `allow` and `prefer`, which leave it to the server, are refused.
 *
 * @param params those of the URL; libpq's variables count where one is absent
 * @throws LeatError `sink-unfit`
 */
export function tlsOf(
  params: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
): Pick<PoolConfig, 'ssl'> {
  const valueOf = (name: string): string | undefined =>
    params.get(name) ?? (env[`PG${name.toUpperCase()}`] || undefined);
  const [rootFile, certFile, keyFile] = ['sslrootcert', 'sslcert', 'sslkey'].map(valueOf);
  const mode = modeOf(
    params.get('sslmode') ?? params.get('ssl') ?? valueOf('sslmode'),
    certFile ?? rootFile,
  );
  if (mode === 'disable') return { ssl: false };
  const ca =
    rootFile === undefined || rootFile === 'system' ? undefined : read('sslrootcert', rootFile);
  if (mode === 'verify-ca' && ca === undefined) {
    throw unfit(
      'sslmode=verify-ca needs sslrootcert: any of the authorities that the system trusts would do otherwise. Give it a file, or take verify-full.',
    );
  }
  const passphrase = params.get('sslpassword');
  return {
    ssl: {
      ...(ca !== undefined && { ca }),
      ...(certFile !== undefined && { cert: read('sslcert', certFile) }),
      ...(keyFile !== undefined && { key: read('sslkey', keyFile) }),
      ...(passphrase !== undefined && { passphrase }),
      // As libpq does: with an authority at hand, "require" asks for it.
      rejectUnauthorized: mode !== 'require' || ca !== undefined,
      ...(mode !== 'verify-full' && { checkServerIdentity: () => undefined }),
    },
  };
}

function modeOf(given: string | undefined, file: string | undefined): Mode {
  if (given === undefined) return file === undefined ? 'disable' : 'verify-full';
  const mode = OTHER_NAMES[given] ?? MODES.find((each) => each === given);
  if (mode !== undefined) return mode;
  throw unfit(
    given === 'allow' || given === 'prefer'
      ? `sslmode=${given} would leave it to the server whether the connection is encrypted. Choose one of ${MODES.join(', ')}.`
      : `sslmode should be one of ${MODES.join(', ')}, and is something else.`,
  );
}

function read(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unfit(`${name} should be a file that can be read: ${messageOf(error)}.`);
  }
}

function unfit(sentence: string): LeatError {
  return new LeatError('sink-unfit', `The connection of the sink: ${sentence}`);
}
