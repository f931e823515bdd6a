import {
  DiscardPolicy,
  type JetStreamClient,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { apiCode, isGone } from './provision.ts';

const STREAM_NAME_IN_USE = 10058;

/**
 * Opens a key-value bucket, and makes it if it is absent.
 *
 * Its revisions begin at the present time in milliseconds and not at 1: a fetcher that sleeps while the
 * bucket is lost and made again must not find the revision that it left, or its compare-and-set would
 * write over a newer ledger.
 */
export async function openBucket(
  client: JetStreamClient,
  bucket: string,
  replicas: number,
): Promise<KV> {
  const manager = await client.jetstreamManager(false);
  const name = `KV_${bucket}`;
  try {
    await manager.streams.info(name);
  } catch (error) {
    if (!isGone(error)) throw error;
    await manager.streams
      .add({
        name,
        subjects: [`$KV.${bucket}.>`],
        retention: RetentionPolicy.Limits,
        storage: StorageType.File,
        discard: DiscardPolicy.New,
        max_msgs_per_subject: 1,
        num_replicas: replicas,
        first_seq: Date.now(),
        allow_direct: true,
        allow_rollup_hdrs: true,
      })
      .catch((refusal: unknown) => {
        // Another process was quicker, and its first revision is another.
        if (apiCode(refusal) !== STREAM_NAME_IN_USE) throw refusal;
      });
  }
  return new Kvm(client).create(bucket, { history: 1, replicas });
}
