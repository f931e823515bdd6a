import { LeatError, type TopologySettings } from '@leat/core';
import { isNatsError, jetStreamRefusal, wait } from '@leat/runtime';
import type { Logger } from '@leat/sdk';
import type { NatsConnection } from '@nats-io/transport-node';

/** How long the server is given to answer a ping. */
const ANSWER_MS = 1_000;

/** A NATS server that runs are on, as an operator's functions work over it. */
export interface Site {
  readonly nats: NatsConnection;
  /** The server's address, as it may be shown. */
  readonly address: string;
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
  return jetStreamRefusal(error, address, await answers(nats));
}

/** Whether the server itself answers, whatever its JetStream does. */
async function answers(nats: NatsConnection): Promise<boolean> {
  const over = new AbortController();
  const late = wait(ANSWER_MS, over.signal).then(
    () => false,
    () => false,
  );
  const answer = nats.flush().then(
    () => true,
    () => false,
  );
  const isThere = await Promise.race([answer, late]);
  over.abort();
  return isThere;
}
