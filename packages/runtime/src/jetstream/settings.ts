import { demand, type Demand } from '../demand.ts';

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

/** The address as it may be shown: without the password that a URL can hold. */
export function addressOf({ url }: NatsSettings): string {
  return url.replaceAll(/\/\/[^/@,]*@/g, '//');
}
