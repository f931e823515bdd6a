import {
  LeatError,
  type StreamObject,
  streamsOf,
  type Topology,
  type WantedConsumer,
} from '@leat/core';
import { JetStreamApiError, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream';
import { COMPARE_ONLY, type Repairs, settleConsumer, settleStream } from './repair.ts';

const STREAM_NOT_FOUND = 10059;
const STREAM_NAME_IN_USE = 10058;
const SUBJECTS_OVERLAP = 10065;
const CONSUMER_NOT_FOUND = 10014;
const CONSUMER_EXISTS = 10148;
const NO_STORAGE = 10047;
const NOT_CLUSTERED = 10074;

/** The code of a JetStream API error, or `undefined` for anything else. */
export function apiCode(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}

/** Whether an error says that a stream or consumer is not there (any more). */
export function isGone(error: unknown): boolean {
  const code = apiCode(error);
  return code === STREAM_NOT_FOUND || code === CONSUMER_NOT_FOUND;
}

/**
 * Makes the server match the topology: creates what is absent, compares what is there, and repairs it if it may.
 * Any number of replicas may do it at the same time, and again whenever something has vanished.
 *
 * @returns the shortest acknowledgement window of its consumers in milliseconds: an operator may have made
 * one with another than is wanted
 * @throws LeatError `topology-mismatch` if a stream or consumer of that name has other settings on which
 * correctness rests, naming the field; what is beside it is made all the same
 */
export async function provision(
  jsm: JetStreamManager,
  topology: Topology,
  repairs: Repairs = COMPARE_ONLY,
): Promise<number> {
  let ackWaitMs = topology.settings.ackWaitMs;
  const mismatched: LeatError[] = [];
  const unlessMismatch = (error: unknown): void => {
    if (error instanceof LeatError && error.code === 'topology-mismatch') mismatched.push(error);
    // A stream that cannot be made has no consumer either.
    else if (mismatched.length === 0) throw error;
  };
  const objects = streamsOf(topology);
  // Queues last: nothing is worked on whose receipts and dead letters find no place.
  for (const object of [...objects.filter((each) => !isQueue(each)), ...objects.filter(isQueue)]) {
    // The bucket's first revision is set by the one who opens it.
    if (object.kind === 'bucket') continue;
    await ensureStream(jsm, object, repairs).catch(unlessMismatch);
  }
  for (const { stream, consumer } of topology.queues) {
    const found = await ensureConsumer(jsm, stream.name, consumer, repairs).catch(unlessMismatch);
    ackWaitMs = Math.min(ackWaitMs, found ?? ackWaitMs);
  }
  const [first] = mismatched;
  if (first !== undefined) throw first;
  return ackWaitMs;
}

export async function ensureStream(
  jsm: JetStreamManager,
  object: StreamObject,
  repairs: Repairs = COMPARE_ONLY,
): Promise<void> {
  const wanted = object.stream;
  const config = await findOrCreate(
    async () => (await jsm.streams.info(wanted.name)).config,
    async () =>
      // The client adds to what it is given.
      (await jsm.streams.add({ ...wanted } as unknown as Partial<StreamConfig> & { name: string }))
        .config,
    STREAM_NOT_FOUND,
    STREAM_NAME_IN_USE,
  ).catch((error: unknown) => {
    throw explain(error, `The stream ${wanted.name}`);
  });
  await settleStream(jsm, object, config, repairs);
}

/**
 * Creates a durable consumer unless it is there, and holds it against what is wanted.
 *
 * @returns its acknowledgement window in milliseconds, which an operator may have set otherwise
 */
export async function ensureConsumer(
  jsm: JetStreamManager,
  stream: string,
  wanted: WantedConsumer,
  repairs: Repairs = COMPARE_ONLY,
): Promise<number> {
  const info = await findOrCreate(
    () => jsm.consumers.info(stream, wanted.durable_name),
    () => jsm.consumers.add(stream, { ...wanted }),
    CONSUMER_NOT_FOUND,
    CONSUMER_EXISTS,
  );
  const config = await settleConsumer(jsm, stream, wanted, info, repairs);
  return (config.ack_wait ?? wanted.ack_wait) / 1_000_000;
}

function isQueue({ kind }: StreamObject): boolean {
  return kind === 'queue';
}

/** Deletes a consumer, if it is there; what is in the stream stays. */
export async function removeConsumer(
  jsm: JetStreamManager,
  stream: string,
  consumer: string,
): Promise<void> {
  try {
    await jsm.consumers.delete(stream, consumer);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Looks, creates if absent, and looks again if somebody else was quicker. */
async function findOrCreate<T>(
  find: () => Promise<T>,
  create: () => Promise<T>,
  absentCode: number,
  takenCode: number,
): Promise<T> {
  try {
    return await find();
  } catch (error) {
    if (apiCode(error) !== absentCode) throw error;
  }
  try {
    return await create();
  } catch (error) {
    if (apiCode(error) !== takenCode) throw error;
    return find();
  }
}

function explain(error: unknown, what: string): unknown {
  const code = apiCode(error);
  if (code === SUBJECTS_OVERLAP) {
    return new LeatError(
      'topology-mismatch',
      `${what} cannot be made, because another stream has its subjects: remove them from that stream.`,
      { cause: error },
    );
  }
  if (code === NOT_CLUSTERED) {
    return new LeatError(
      'unfit-server',
      `${what} cannot have copies, because the server is not in a cluster: set --stream-replicas (LEAT_STREAM_REPLICAS) to 1.`,
      { cause: error },
    );
  }
  if (code === NO_STORAGE) {
    return new LeatError(
      'unfit-server',
      `${what} cannot be made, because the server has too little storage left for it: make room on its disk, raise its max_file_store, or lower --queue-max-bytes (LEAT_QUEUE_MAX_BYTES).`,
      { cause: error },
    );
  }
  return error;
}
