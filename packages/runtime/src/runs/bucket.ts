import { bucketStreamOf } from '@leat/core';
import type {
  JetStreamClient,
  JetStreamManager,
  StreamConfig,
  StreamInfo,
} from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { apiCode, isGone } from '../jetstream/provision.ts';
import { COMPARE_ONLY, type Repairs, settleStream } from '../jetstream/repair.ts';

const STREAM_NAME_IN_USE = 10058;

/** Where a bucket's stream says at which revision it begins. */
/** By what name the metadata say which revision a bucket begins with. */
export const FIRST_REVISION = 'leat-first-revision';

/** Opens a key-value bucket, and makes it if it is absent; see {@link ensureBucket}. */
export async function openBucket(
  client: JetStreamClient,
  bucket: string,
  replicas: number,
): Promise<KV> {
  await ensureBucket(await client.jetstreamManager(false), bucket, replicas);
  return new Kvm(client).create(bucket, { history: 1, replicas, allow_direct: false });
}

/**
 * Makes a key-value bucket, if it is absent.
 *
 * Its revisions begin at the time in milliseconds when it was made, and not at 1: a fetcher that sleeps
 * while the bucket is lost and made again must not find the revision that it left, or its compare-and-set
 * would write over a newer ledger. (A purge up to that number does it, before anything is written.
 * nats-server 2.10.27 loses what is in a stream that was made with `first_seq` when it is killed.)
 *
 * Keys are read from the stream's leader. Any replica may answer a direct read, also one that is cut off
 * from the others and does not know yet, which in a partition kept a standby from taking over for a minute.
 */
export async function ensureBucket(
  manager: JetStreamManager,
  bucket: string,
  replicas: number,
  repairs: Repairs = COMPARE_ONLY,
): Promise<void> {
  const name = `KV_${bucket}`;
  const { config, state } = await findOrMake(manager, bucket, replicas);
  const stream = bucketStreamOf(bucket, replicas);
  if (repairs.mayRepair) await settleStream(manager, { kind: 'bucket', stream }, config, repairs);
  const first = Number(config.metadata?.[FIRST_REVISION] ?? 1);
  if (state.messages === 0 && state.last_seq < first - 1) {
    await manager.streams.purge(name, { seq: first });
  }
}

async function findOrMake(
  manager: JetStreamManager,
  bucket: string,
  replicas: number,
): Promise<StreamInfo> {
  const name = `KV_${bucket}`;
  try {
    return await manager.streams.info(name);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  try {
    return await manager.streams.add({
      ...(bucketStreamOf(bucket, replicas) as unknown as Partial<StreamConfig>),
      name,
      metadata: { [FIRST_REVISION]: String(Date.now()) },
    });
  } catch (error) {
    // Another process was quicker, and its first revision is another.
    if (apiCode(error) !== STREAM_NAME_IN_USE) throw error;
    return manager.streams.info(name);
  }
}
