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

/** The address as it may be shown: without the password that a URL can hold. */
export function addressOf({ url }: NatsSettings): string {
  return url.replaceAll(/\/\/[^/@,]*@/g, '//');
}
