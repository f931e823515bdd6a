import { type SeenConsumer, type SeenStream } from './seen.ts';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { wait } from '@leat/runtime';
import { consumerOf } from './look-at-stream.ts';
import { listenForLife, type SignsOfLife } from './signs-of-life.ts';

/** A replica is between two pulls for milliseconds, so a second look tells whether there is none. */
const SECOND_LOOK_MS = 1_000;
/** The one who holds a message gives a sign of life three times in an acknowledgement window. */
const SIGN_SHARE = 0.6;
const MAX_LISTEN_MS = 10_000;
const POLL_MS = 100;

/**
 * Looks again at consumers that nobody seemed to pull from, and lets the kinder look stand.
 *
 * @param isPatient whether to listen for signs of life of those who hold messages; else they are taken to live
 */
export async function lookAgain(
  nats: NatsConnection,
  manager: JetStreamManager,
  streams: readonly SeenStream[],
  isPatient: boolean,
): Promise<SeenStream[]> {
  return Promise.all(
    streams.map(async (stream) => {
      const look = async (consumer: SeenConsumer): Promise<SeenConsumer> =>
        isPatient || consumer.ackPending === 0
          ? lookTwice(nats, manager, stream.config.name, consumer)
          : { ...consumer, isAlive: true };
      return { ...stream, consumers: await Promise.all(stream.consumers.map(look)) };
    }),
  );
}

async function lookTwice(
  nats: NatsConnection,
  manager: JetStreamManager,
  stream: string,
  first: SeenConsumer,
): Promise<SeenConsumer> {
  if (first.waiting > 0 || first.pending + first.ackPending === 0) return first;
  const listener = listenForLife(nats, stream, first.name);
  try {
    if (first.ackPending > 0) await untilHeard(listener, first);
    else await wait(SECOND_LOOK_MS);
    const second = consumerOf(await manager.consumers.info(stream, first.name));
    const isAlive = isTold(first) ? listener.heard() : undefined;
    return {
      ...second,
      waiting: Math.max(first.waiting, second.waiting),
      ackPending: Math.max(first.ackPending, second.ackPending),
      ...(isAlive !== undefined && { isAlive }),
    };
  } catch {
    return first;
  } finally {
    listener.stop();
  }
}

async function untilHeard({ heard }: SignsOfLife, consumer: SeenConsumer): Promise<void> {
  const end = performance.now() + Math.min(listenMs(consumer), MAX_LISTEN_MS);
  while (heard() === false && performance.now() < end) await wait(POLL_MS);
}

/** Whether silence tells anything: not where signs of life come too seldom to wait for, or nobody holds. */
function isTold(consumer: SeenConsumer): boolean {
  return consumer.ackPending > 0 && listenMs(consumer) <= MAX_LISTEN_MS;
}

function listenMs({ config }: SeenConsumer): number {
  return Math.max((config.ack_wait / 1_000_000) * SIGN_SHARE, SECOND_LOOK_MS);
}
