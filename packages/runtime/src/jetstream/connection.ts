import { hostname } from 'node:os';
import { type Backoff, LeatError, messageOf, OLDEST_SERVER, whyTooOld } from '@leat/core';
import {
  connect,
  errors,
  type NatsConnection,
  type NodeConnectionOptions,
} from '@nats-io/transport-node';
import { fromStart, type Logger } from '@leat/sdk';
import { persist } from '../persist.ts';
import { dropSocket } from './client-internals.ts';
import { authenticatorOf, readSecret } from './credentials.ts';
import { whatIsRefused } from './permission-refusal.ts';
import { SayNowAndThen } from './say-now-and-then.ts';
import { accessOf, addressOf, type NatsSettings } from './settings.ts';
import { whyTurnedAway } from './turned-away.ts';

const CONNECT_BACKOFF: Backoff = {
  initialDelayMs: 250,
  maxDelayMs: 10_000,
  factor: 2,
  jitter: 'none',
};

const CERTIFICATE_CODE =
  /CERT|ISSUER|SIGNATURE|SELF_SIGNED|CRL_|^INVALID_(?:CA|PURPOSE)|^ERR_(?:TLS|SSL|OSSL)/;

export interface ConnectOptions {
  /** Shown by the server's monitoring. */
  readonly name: string;
  readonly logger: Logger;
  /**
   * Whether to go on trying while the server cannot be reached, as a service does, rather than give up.
   * @defaultValue `false`
   */
  readonly isPatient?: boolean;
  readonly signal?: AbortSignal;
}

/** A name for a connection of this process, for the server's monitoring. */
export function connectionName(role: string): string {
  return `leat ${role} on ${hostname()} (${process.pid})`;
}

/**
 * Connects for good: once connected, the client reconnects by itself for as long as it takes.
 *
 * @throws LeatError `unreachable` (not patient only), `invalid-configuration` (credentials that cannot be
 * read or are refused) or `unfit-server` (too old, or without JetStream)
 */
export async function openConnection(
  settings: NatsSettings,
  options: ConnectOptions,
): Promise<NatsConnection> {
  const { logger, signal } = options;
  const clientOptions = await clientOptionsOf(settings, options.name);
  const open = async (): Promise<NatsConnection> => {
    try {
      const connection = await connect(clientOptions);
      checkServer(connection, addressOf(settings));
      watch(connection, logger);
      return connection;
    } catch (error) {
      throw await connectionError(error, settings);
    }
  };
  return persist(open, {
    backoff: CONNECT_BACKOFF,
    isFinal: (error) => options.isPatient !== true || !isUnreachable(error),
    onWait: ({ error, retryInMs }) => logger.warn({ retryInMs }, messageOf(error)),
    signal,
  });
}

/** Whether an error says that no server answers: one may, later. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof LeatError && error.code === 'unreachable';
}

async function clientOptionsOf(
  settings: NatsSettings,
  name: string,
): Promise<NodeConnectionOptions> {
  const tls = {
    ...(settings.tlsCaFile === undefined ? {} : { caFile: fromStart(settings.tlsCaFile) }),
    ...(settings.tlsCertFile === undefined ? {} : { certFile: fromStart(settings.tlsCertFile) }),
    ...(settings.tlsKeyFile === undefined ? {} : { keyFile: fromStart(settings.tlsKeyFile) }),
  };
  for (const file of Object.values(tls)) await readSecret(file);
  const authenticator = await authenticatorOf(settings);
  // The client takes the scheme off, and would do without encryption where a server has none; and the user.
  const { servers, isTlsWanted, user, password, token } = accessOf(settings);
  return {
    servers: [...servers],
    name,
    // The library's default gives up for good after twenty seconds.
    maxReconnectAttempts: -1,
    // Nor does it end a service that a server refuses for a while, as one whose users are being edited does.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 10_000,
    // Stack traces for each request cost half of the publishing throughput.
    noAsyncTraces: true,
    timeout: 5_000,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(Object.keys(tls).length === 0 && !isTlsWanted ? {} : { tls }),
  };
}

async function connectionError(error: unknown, settings: NatsSettings): Promise<LeatError> {
  if (error instanceof LeatError) return error;
  const message = messageOf(error);
  if (message.includes("does not support 'tls'")) {
    return new LeatError(
      'invalid-configuration',
      `The NATS server at ${addressOf(settings)} has no TLS, and it is asked for: give the server a certificate, or use nats:// without TLS files.`,
      { cause: error },
    );
  }
  if (isOfTls(error)) {
    return new LeatError(
      'invalid-configuration',
      `The certificate of the NATS server at ${addressOf(settings)} is not trusted (${message}): set --nats-ca (NATS_CA) to the file of its authority, and use a host name that the certificate has.`,
      { cause: error },
    );
  }
  if (isRefusal(error)) {
    return new LeatError(
      'invalid-configuration',
      `The NATS server at ${addressOf(settings)} refused the credentials (${message}): check NATS_USER and NATS_PASSWORD, NATS_TOKEN, NATS_CREDS or NATS_NKEY.`,
      { cause: error },
    );
  }
  const [first = ''] = accessOf(settings).servers;
  const reason = await whyTurnedAway(first);
  if (reason !== undefined) {
    return new LeatError(
      'unreachable',
      `The NATS server at ${addressOf(settings)} turns new connections away (${reason}): end others, or raise its limit.`,
      { cause: error },
    );
  }
  const isTls = settings.tlsCaFile !== undefined || /^tls:/i.test(settings.url);
  // A server ends the connection without a word where a certificate is asked for and there is none.
  const hint = isTls && settings.tlsCertFile === undefined;
  return new LeatError(
    'unreachable',
    `No NATS server answers at ${addressOf(settings)} (${message}): start one, or set NATS_URL${hint ? '; if it asks for a certificate of its clients, set NATS_CERT and NATS_KEY' : ''}.`,
    { cause: error },
  );
}

/** Whether a server says that it does not know the user, or not any more. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof errors.AuthorizationError ||
    error instanceof errors.UserAuthenticationExpiredError
  );
}

/** Whether an error is of the check of a certificate, by the codes of Node and OpenSSL. */
function isOfTls(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { code } = each as { readonly code?: unknown };
    if (typeof code === 'string' && CERTIFICATE_CODE.test(code)) return true;
  }
  return false;
}

function checkServer(connection: NatsConnection, url: string): void {
  const { version = '0.0.0', jetstream = false } = connection.info ?? {};
  const refuse = (sentence: string): never => {
    void connection.close();
    throw new LeatError('unfit-server', `The NATS server at ${url} ${sentence}`);
  };
  if (whyTooOld(version) !== undefined) {
    refuse(
      `is version ${version}, and Leat needs ${OLDEST_SERVER} or newer: older ones were seen to lose messages that they had acknowledged.`,
    );
  }
  if (!jetstream)
    refuse(
      'has JetStream switched off: start it with -js, or set jetstream {} in its configuration.',
    );
}

/** Says in the log what the connection goes through; the client itself does the rest. */
function watch(connection: NatsConnection, logger: Logger): void {
  const told = new Set<string>();
  const whileAway = new SayNowAndThen();
  const tellOf = (error: Error): void => {
    if (isRefusal(error) || error instanceof errors.ProtocolError) {
      // Each attempt to connect again ends so, four in a second.
      const sentence = isRefusal(error)
        ? `the nats server refuses the credentials (${error.message}): it is tried again until it takes them`
        : `the nats server ends the connection (${error.message})`;
      if (whileAway.isDue(sentence)) logger.error(sentence);
      return;
    }
    if (!(error instanceof errors.PermissionViolationError)) {
      logger.error({ err: error }, 'nats error');
      return;
    }
    // What is refused is tried again: it is said once, and not for each run anew.
    const kind = `${error.operation} ${error.subject.replace(/\.[^.]*$/, '')}`;
    if (told.has(kind)) return;
    told.add(kind);
    logger.error(`the user of NATS ${whatIsRefused(error)}`);
  };
  void (async () => {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect')
        logger.warn({ server: status.server }, 'disconnected from nats');
      else if (status.type === 'reconnect')
        logger.info({ server: status.server }, 'reconnected to nats');
      else if (status.type === 'staleConnection') dropSocket(connection);
      else if (status.type === 'ldm') logger.warn('the nats server is about to leave');
      else if (status.type === 'error') tellOf(status.error);
    }
  })();
}
