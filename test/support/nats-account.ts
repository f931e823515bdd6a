import { newKey } from './nats-keys.ts';

/** An account as an operator of NATS makes one, with a user in it. */
export interface NatsAccount {
  /** Its public key, which is its name for servers. */
  readonly publicKey: string;
  /** Lines of nats-server's configuration: it knows this account, and no other way in. */
  readonly config: string;
  /** The user's `.creds` file. */
  readonly creds: string;
}

export function newAccount(): NatsAccount {
  const [operator, account, user, system] = [
    newKey('operator'),
    newKey('account'),
    newKey('user'),
    newKey('account'),
  ];
  const unlimited = { subs: -1, data: -1, payload: -1 };
  const operatorToken = operator.sign({
    sub: operator.publicKey,
    name: 'operator',
    nats: { type: 'operator', version: 2 },
  });
  const accountToken = (publicKey: string, name: string, storage: number): string =>
    operator.sign({
      sub: publicKey,
      name,
      nats: {
        type: 'account',
        version: 2,
        limits: {
          ...unlimited,
          imports: -1,
          exports: -1,
          wildcards: true,
          conn: -1,
          leaf: -1,
          mem_storage: storage,
          disk_storage: storage,
          streams: -1,
          consumer: -1,
        },
      },
    });
  const userToken = account.sign({
    sub: user.publicKey,
    name: 'user',
    nats: { type: 'user', version: 2, pub: {}, sub: {}, ...unlimited },
  });
  return {
    publicKey: account.publicKey,
    config: [
      `operator: ${operatorToken}`,
      `system_account: ${system.publicKey}`,
      'resolver: MEMORY',
      'resolver_preload: {',
      `  ${account.publicKey}: ${accountToken(account.publicKey, 'leat', -1)}`,
      `  ${system.publicKey}: ${accountToken(system.publicKey, 'system', 0)}`,
      '}',
    ].join('\n'),
    creds:
      `-----BEGIN NATS USER JWT-----\n${userToken}\n------END NATS USER JWT------\n\n` +
      `-----BEGIN USER NKEY SEED-----\n${user.seed}\n------END USER NKEY SEED------\n`,
  };
}
