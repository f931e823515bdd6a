import { bucketName, messageOf } from '@leat/core';
import { type Examination, type SeenConsumer, type SeenStream } from './seen.ts';
import type { ConsumerInfo, JetStreamManager, StreamInfo } from '@nats-io/jetstream';
import { isGone } from '@leat/runtime';

/** A stream, or why nothing is known of it; neither, if it has just been deleted. */
export interface StreamLook {
  readonly stream?: SeenStream;
  readonly unavailable?: Examination['unavailable'][number];
}

/** Looks at a stream, its copies and its consumers. */
export async function lookAtStream(manager: JetStreamManager, name: string): Promise<StreamLook> {
  try {
    // Only queues are judged by their subjects; a bucket may have very many.
    const isQueue = name.startsWith(bucketName(''));
    const options = isQueue ? { subjects_filter: '>' } : {};
    const { config, state, cluster } = await manager.streams.info(name, options);
    const consumers: SeenConsumer[] = [];
    for await (const info of manager.consumers.list(name)) consumers.push(consumerOf(info));
    const { messages, bytes, subjects = {} } = state;
    const copies = copiesOf(cluster);
    return {
      stream: { config: { ...config }, state: { messages, bytes, subjects }, copies, consumers },
    };
  } catch (error) {
    if (isGone(error)) return {};
    return { unavailable: { name, reason: `it does not answer (${messageOf(error)})` } };
  }
}

function copiesOf(cluster: StreamInfo['cluster']): SeenStream['copies'] {
  return (cluster?.replicas ?? []).map(({ name, current, offline }) => ({
    server: name,
    isCurrent: current,
    isOffline: offline ?? false,
  }));
}

/** A consumer as the server tells of it. */
export function consumerOf(info: ConsumerInfo): SeenConsumer {
  const { config, ts = info.created } = info as ConsumerInfo & { readonly ts?: string };
  const moved = [info.created, info.delivered.last_active, info.ack_floor.last_active].map((at) =>
    at === undefined ? 0 : Date.parse(String(at)),
  );
  return {
    name: info.name,
    config: { ...config, ack_wait: config.ack_wait ?? 0 },
    pending: info.num_pending,
    ackPending: info.num_ack_pending,
    waiting: info.num_waiting,
    isPaused: info.paused ?? false,
    quietMs: Date.parse(ts) - Math.max(...moved),
  };
}
