import { LeatError, type TopologySettings } from '@leat/core';
import { isNatsError, jetStreamRefusal, serverAnswers, type Signing } from '@leat/runtime';
import type { Logger } from '@leat/sdk';
import type { NatsConnection } from '@nats-io/transport-node';

/** A NATS server that runs are on, as an operator's functions work over it. */
export interface Site {
  readonly nats: NatsConnection;
  /** The server's address, as it may be shown. */
  readonly address: string;
  /** Signs what is written, and says what is believed; absent where no key was given. */
  readonly signing: Signing | undefined;
  /** The limits of what is made on the server. */
  readonly topology: TopologySettings;
  /** Told what is left out, and what the connection goes through. */
  readonly logger: Logger;
}

/** Waits for what is done over NATS; what the server refuses becomes a LeatError that names its address. What the client of NATS did not throw stays. */
export async function explained<T>(site: Site, doing: Promise<T>): Promise<T> {
  try {
    return await doing;
  } catch (error) {
    throw await inWords(error, site);
  }
}

/** As {@link explained}, for what comes piece by piece. */
export async function* allExplained<T>(site: Site, all: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* all;
  } catch (error) {
    throw await inWords(error, site);
  }
}

async function inWords(error: unknown, { nats, address }: Site): Promise<unknown> {
  if (error instanceof LeatError || !isNatsError(error)) return error;
  return jetStreamRefusal(error, address, await serverAnswers(nats));
}
