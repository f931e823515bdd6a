import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LeatError } from '@leat/core';
import { EmbeddedNats } from '@leat/host';
import {
  addressOf,
  connectionName,
  jetStreamRefusal,
  type NatsSettings,
  openConnection,
  permissionRefusal,
} from '@leat/runtime';
import type { Call } from './command.ts';

/** A connection to a NATS server. */
export type NatsConnection = Awaited<ReturnType<typeof openConnection>>;

/**
 * Does something with the NATS server that the runs are on: the one that was given; else that of a
 * `leat dev` that is running here; else, where `leat dev` was run before, its data under a server that
 * is started for the purpose; else the default address.
 *
 * @param use also told whether it is the server of a `leat dev`, over the state directory of this command
 */
export async function withNats<T>(
  call: Call,
  use: (nats: NatsSettings, isOfDev: boolean) => Promise<T>,
): Promise<T> {
  const { settings, logger } = call;
  if (settings.isNatsGiven) return explained(settings.nats, use(settings.nats, false));
  const url = await EmbeddedNats.runningUrl(settings.stateDir);
  if (url !== undefined) return use({ url }, true);
  if (!existsSync(join(settings.stateDir, 'nats'))) {
    return explained(settings.nats, use(settings.nats, false));
  }
  const server = await EmbeddedNats.start(settings.stateDir, logger.child({}, { level: 'warn' }));
  try {
    return await use({ url: server.url }, true);
  } finally {
    await server.stop();
  }
}

/**
 * Waits for what is done over NATS.
 *
 * @throws LeatError `invalid-configuration` that names the subject, if the user may not do it
 */
export async function explained<T>(nats: NatsSettings, doing: Promise<T>): Promise<T> {
  try {
    return await doing;
  } catch (error) {
    throw permissionRefusal(error, addressOf(nats)) ?? error;
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
