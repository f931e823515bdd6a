import {
  LeatError,
  type LeatErrorCode,
  messageOf,
  type Mismatch,
  mismatches,
  type Topology,
  type WantedConsumer,
  type WantedStream,
} from '@leat/core';
import {
  type ConsumerConfig,
  JetStreamApiError,
  type JetStreamManager,
  type StreamConfig,
} from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { permissionRefusal } from './permission-refusal.ts';

const STREAM_NOT_FOUND = 10059;
const STREAM_NAME_IN_USE = 10058;
const SUBJECTS_OVERLAP = 10065;
const CONSUMER_NOT_FOUND = 10014;
const CONSUMER_EXISTS = 10148;
const NO_STORAGE = 10047;
const JETSTREAM_OFF = 10039;
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
 * Makes the server match the topology: creates what is absent, checks what is there. Any number of
 * replicas may do it at the same time, and again whenever something has vanished.
 *
 * @returns the shortest acknowledgement window of its consumers in milliseconds: an operator may have made
 * one with another than is wanted
 * @throws LeatError `topology-mismatch` if a stream or consumer of that name has other settings, naming
 * the field
 */
export async function provision(jsm: JetStreamManager, topology: Topology): Promise<number> {
  await ensureStream(jsm, topology.receipts);
  await ensureStream(jsm, topology.dead);
  let ackWaitMs = topology.settings.ackWaitMs;
  for (const queue of topology.queues) {
    await ensureStream(jsm, queue.stream);
    ackWaitMs = Math.min(ackWaitMs, await ensureConsumer(jsm, queue.stream.name, queue.consumer));
  }
  return ackWaitMs;
}

export async function ensureStream(jsm: JetStreamManager, wanted: WantedStream): Promise<void> {
  const config = await findOrCreate(
    async () => (await jsm.streams.info(wanted.name)).config,
    async () =>
      (await jsm.streams.add(wanted as unknown as Partial<StreamConfig> & { name: string })).config,
    STREAM_NOT_FOUND,
    STREAM_NAME_IN_USE,
  ).catch((error: unknown) => {
    throw explain(error, `The stream ${wanted.name}`);
  });
  demandMatch(`stream ${wanted.name}`, mismatches(wanted, { ...config }));
}

/**
 * Creates a durable consumer unless it is there.
 *
 * @returns its acknowledgement window in milliseconds, which an operator may have set otherwise
 */
export async function ensureConsumer(
  jsm: JetStreamManager,
  stream: string,
  wanted: WantedConsumer,
): Promise<number> {
  const config = await findOrCreate(
    async () => (await jsm.consumers.info(stream, wanted.durable_name)).config,
    async () => (await jsm.consumers.add(stream, wanted as Partial<ConsumerConfig>)).config,
    CONSUMER_NOT_FOUND,
    CONSUMER_EXISTS,
  );
  demandMatch(
    `consumer ${wanted.durable_name} of the stream ${stream}`,
    mismatches(wanted, { ...config }),
  );
  return (config.ack_wait ?? wanted.ack_wait) / 1_000_000;
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

function demandMatch(what: string, differing: readonly Mismatch[]): void {
  const [first] = differing;
  if (first === undefined) return;
  const { field, wanted, found } = first;
  throw new LeatError(
    'topology-mismatch',
    `The ${what} has ${field} ${JSON.stringify(found)} where Leat needs ${JSON.stringify(wanted)}: delete it or correct that field.`,
  );
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
      `${what} cannot be made, because the server has too little storage left for it: raise max_file_store or lower LEAT_QUEUE_MAX_BYTES.`,
      { cause: error },
    );
  }
  return error;
}

/** Whether JetStream says so, or nobody answers to its requests: the client wraps either. */
function isSwitchedOff(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof errors.NoRespondersError || apiCode(each) === JETSTREAM_OFF) return true;
  }
  return false;
}

/** What is wrong with a server that does not let Leat have what it needs, as a sentence with its address. */
export function jetStreamRefusal(error: unknown, address: string): LeatError {
  const refuse = (code: LeatErrorCode, sentence: string): LeatError =>
    new LeatError(code, `The NATS server at ${address} ${sentence}`, { cause: error });
  const message = messageOf(error);
  if (error instanceof LeatError) {
    return new LeatError(error.code, `NATS server at ${address}: ${message}`, { cause: error });
  }
  const forbidden = permissionRefusal(error, address);
  if (forbidden !== undefined) return forbidden;
  if (isSwitchedOff(error)) {
    return refuse(
      'unfit-server',
      `does not let this account use JetStream (${message}): enable it for the account.`,
    );
  }
  if (apiCode(error) === undefined) {
    return refuse('unreachable', `does not answer any more (${message}): see its log.`);
  }
  return refuse('unfit-server', `refuses what Leat needs: ${message} (${apiCode(error)}).`);
}
