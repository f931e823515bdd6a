import { LeatError } from '@leat/core';
import { demand, type Demand } from '../demand.ts';
import { readServers } from './servers.ts';

/** Where NATS is and how to get in. Plain data, so that it can be handed to a worker thread. */
export interface NatsSettings {
  /** One address or several, separated by commas. */
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** A `.creds` file: JWT and key. */
  readonly credsFile?: string;
  /** A file with an nkey seed. */
  readonly nkeyFile?: string;
  readonly tlsCaFile?: string;
  readonly tlsCertFile?: string;
  readonly tlsKeyFile?: string;
}

/** The address of a server on this machine that was started without options. */
const DEFAULT_SERVER = 'nats://127.0.0.1:4222';

const isText = (value: unknown): boolean => typeof value === 'string';
const ADDRESSES: Demand = {
  isRight: (value) =>
    isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)),
  expected: 'an address such as "nats://127.0.0.1:4222", or a list of addresses',
};

/** Where NATS is and how to get in, as a program says it. */
export interface ConnectionSettings extends Omit<NatsSettings, 'url'> {
  /**
   * The address of a server, or those of several of a cluster.
   * @defaultValue `'nats://127.0.0.1:4222'`
   */
  readonly servers?: string | readonly string[];
}

/** @throws LeatError `invalid-configuration` if `servers` is anything else than addresses */
export function natsSettingsOf({
  servers = DEFAULT_SERVER,
  ...rest
}: ConnectionSettings): NatsSettings {
  demand('The option servers', servers, ADDRESSES);
  return { ...rest, url: typeof servers === 'string' ? servers : servers.join(',') };
}

/** The address as it may be shown: without the user and password that a URL can hold, or not at all. */
export function addressOf({ url }: NatsSettings): string {
  const servers = readServers(url);
  return typeof servers === 'string' ? 'an address that is not shown' : servers.addresses.join(',');
}

/** Where the servers are, and how to get in: as their addresses say, or as the other settings do. */
export interface NatsAccess extends Pick<NatsSettings, 'user' | 'password' | 'token'> {
  readonly servers: readonly string[];
  readonly isTlsWanted: boolean;
}

/** @throws LeatError `invalid-configuration` if the address is not valid, or credentials are given twice */
export function accessOf(settings: NatsSettings): NatsAccess {
  const read = readServers(settings.url);
  if (typeof read === 'string') {
    throw new LeatError(
      'invalid-configuration',
      `The NATS address, which is not shown, is not valid: ${read}. Set --nats (NATS_URL) to nats://host:port or nats://user:password@host:port, with other characters than letters and digits in user and password percent-encoded.`,
    );
  }
  const { addresses: servers, isTlsWanted, login } = read;
  refuseTwo(settings, Object.keys(login).length > 0);
  const { user, password, token } = settings;
  const given = {
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(token !== undefined && { token }),
  };
  return { servers, isTlsWanted, ...given, ...login };
}

/** Which of them would count, nobody could see. */
function refuseTwo(settings: NatsSettings, isInAddress: boolean): void {
  const { user, password, token, credsFile, nkeyFile } = settings;
  const places = [
    isInAddress && 'the address (NATS_URL)',
    (user ?? password) !== undefined && 'NATS_USER and NATS_PASSWORD',
    token !== undefined && 'NATS_TOKEN',
    credsFile !== undefined && 'NATS_CREDS',
    nkeyFile !== undefined && 'NATS_NKEY',
  ].filter((place) => place !== false);
  if (places.length < 2) return;
  throw new LeatError(
    'invalid-configuration',
    `The credentials for NATS at ${addressOf(settings)} are given in several places: ${places.join('; ')}. Give them in one of them, and leave the others out.`,
  );
}
