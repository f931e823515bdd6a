import { type JsMsg, jetstreamManager } from '@nats-io/jetstream';
import {
  connect,
  createInbox,
  headers,
  type Msg,
  type NatsConnection,
} from '@nats-io/transport-node';
import { setTimeout as wait } from 'node:timers/promises';
import { readChunks } from '../job/dataset.ts';
import type { Job, TransformName } from '../job/job.ts';
import { mapLines } from '../job/transform.ts';

/** What the raw programs share: the same queues as Leat's, the same messages. */

/** Publishes on their way; Leat's fetcher has as many. */
const MAX_PUBLISHES = 128;
/** Messages asked for ahead; Leat's stages hold as many. */
export const PULL = 64;
/** The header with the number of a chunk. */
export const ID = 'Nats-Msg-Id';

export function connectTo(broker: string): Promise<NatsConnection> {
  return connect({ servers: broker, noAsyncTraces: true });
}

/** Makes work queues `<prefix>_<stage>` with the subject `<prefix>.<stage>`, and the consumer `<stage>` of each. */
export async function addQueues(
  connection: NatsConnection,
  prefix: string,
  stages: readonly string[],
): Promise<void> {
  const manager = await jetstreamManager(connection);
  for (const stage of stages) {
    const name = `${prefix}_${stage}`;
    await manager.streams.add({
      name,
      subjects: [`${prefix}.${stage}`],
      retention: 'workqueue',
      storage: 'file',
      discard: 'new',
      max_msgs: 2_000,
      max_bytes: 256 * 1024 * 1024,
    });
    await manager.consumers.add(name, {
      durable_name: stage,
      ack_policy: 'explicit',
      max_ack_pending: 2_000,
    });
  }
}

export type Publish = (subject: string, body: Uint8Array, id: string) => Promise<void>;

/** Sends each chunk of the dataset, in messages with its number. */
export async function sendChunks(job: Job, publish: Publish, subject: string): Promise<void> {
  const onTheirWay = new Set<Promise<void>>();
  let chunk = 0;
  for await (const body of readChunks(job.dataset, job.chunkSize)) {
    const sent = publish(subject, body, `${chunk++}`);
    onTheirWay.add(sent);
    void sent.finally(() => onTheirWay.delete(sent));
    if (onTheirWay.size >= MAX_PUBLISHES) await Promise.race(onTheirWay);
  }
  await Promise.all(onTheirWay);
}

/** What becomes of a chunk. */
export function mapped(message: JsMsg, transform: TransformName): Uint8Array {
  return transform === 'bytes' ? message.data : Buffer.from(mapLines(message.string(), transform));
}

/** Many publishes at a time over one reply inbox; one that is refused, because the queue is full, is repeated. */
export function publisher(connection: NatsConnection): Publish {
  const inbox = createInbox();
  const waiting = new Map<string, (answer: Msg) => void>();
  connection.subscribe(`${inbox}.*`, {
    callback: (_, message) => {
      waiting.get(message.subject)?.(message);
      waiting.delete(message.subject);
    },
  });
  let count = 0;
  return async (subject, body, id) => {
    const options = { headers: headers(), reply: '' };
    options.headers.set(ID, id);
    for (;;) {
      options.reply = `${inbox}.${count++}`;
      const answer = await new Promise<Msg>((resolve) => {
        waiting.set(options.reply, resolve);
        connection.publish(subject, body, options);
      });
      if (answer.json<{ readonly error?: unknown }>().error === undefined) return;
      await wait(10);
    }
  };
}
