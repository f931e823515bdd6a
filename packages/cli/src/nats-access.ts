import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LeatError } from '@leat/core';
import { addressOf, jetStreamRefusal, type NatsSettings, openConnection } from '@leat/sdk/internal';
import type { Call } from './command.ts';
import { EmbeddedNats } from './embedded-nats.ts';
import { connectionName } from './open-run.ts';

/** A connection to a NATS server. */
export type NatsConnection = Awaited<ReturnType<typeof openConnection>>;

/**
 * Does something with the NATS server that the runs are on: the one that was given; else that of a
 * `leat dev` that is running here; else, where `leat dev` was run before, its data under a server that
 * is started for the purpose; else the default address.
 */
export async function withNats<T>(call: Call, use: (nats: NatsSettings) => Promise<T>): Promise<T> {
  const { settings, logger } = call;
  if (settings.isNatsGiven) return use(settings.nats);
  const url = await EmbeddedNats.runningUrl(settings.stateDir);
  if (url !== undefined) return use({ url });
  if (!existsSync(join(settings.stateDir, 'nats'))) return use(settings.nats);
  const server = await EmbeddedNats.start(settings.stateDir, logger.child({}, { level: 'warn' }));
  try {
    return await use({ url: server.url });
  } finally {
    await server.stop();
  }
}

/** Connects, and does something over the connection; what the server refuses is said with its address. */
export async function withConnection<T>(
  call: Call,
  nats: NatsSettings,
  use: (connection: NatsConnection) => Promise<T>,
): Promise<T> {
  const connection = await openConnection(nats, {
    name: connectionName('reader'),
    logger: call.logger,
  });
  try {
    return await use(connection);
  } catch (error) {
    throw error instanceof LeatError ? error : jetStreamRefusal(error, addressOf(nats));
  } finally {
    await connection.close();
  }
}
