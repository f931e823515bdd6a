import {
  type Backoff,
  messageOf,
  type PipelineSpec,
  type Topology,
  type TopologySettings,
  topologyOf,
  type WantedConsumer,
} from '@leat/core';
import {
  jetstream,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger, OpenStores } from '@leat/sdk';
import { Bodies } from '../chunks/bodies.ts';
import { ChunkQueues } from '../chunks/chunk-queues.ts';
import { type ConnectOptions, isUnreachable, openConnection } from './connection.ts';
import { Holder } from '../hold/holder.ts';
import { Link } from './link.ts';
import { isGone, provision } from './provision.ts';
import { jetStreamRefusal, serverAnswers } from './refusal.ts';
import type { Repairs } from './repair.ts';
import { topologyRepair } from './topology-repair.ts';
import { purgeRun } from './purge-run.ts';
import { Publisher } from './publisher.ts';
import { PullHealth } from './pull-health.ts';
import type { RunNotes } from '../runs/run-notes.ts';
import { Runs } from '../runs/runs.ts';
import { addressOf, type NatsSettings } from './settings.ts';
import { persist } from '../persist.ts';
import { jetStreamStores } from '../stores/jetstream-stores.ts';
import { openSigning } from '../signing/open-signing.ts';
import type { Signing } from '../signing/signing.ts';
import { tellRefusals } from '../signing/tell-refusals.ts';

/** The longest between two signs of life, whatever an operator has made of the consumer: a timer has its limit. */
const MAX_BEAT_MS = 60_000;

/** How long a service waits for a server that greets and then says no more, before it connects again. */
const RETRY_BACKOFF: Backoff = {
  initialDelayMs: 1_000,
  maxDelayMs: 1_000,
  factor: 1,
  jitter: 'none',
};

/** One process's way to one pipeline on JetStream: the connection, and everything that is shared on it. */
export interface PipelineConnection {
  readonly spec: PipelineSpec;
  readonly topology: Topology;
  readonly nats: NatsConnection;
  readonly link: Link;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly publisher: Publisher;
  /** Signs what is sent and written, and checks what is read; absent where no key was given. */
  readonly signing: Signing | undefined;
  readonly holder: Pick<Holder, 'hold' | 'close'> & Partial<Pick<Holder, 'ready'>>;
  readonly runs: Runs;
  readonly queues: ChunkQueues;
  readonly health: PullHealth;
  /** The largest message that the server takes, in bytes; another one, perhaps, after a restart. */
  readonly maxPayload: number;
  /**
   * Makes whatever of the topology has vanished, and puts right what is not as wanted; one attempt at a time, however
   * many ask.
   */
  readonly repair: () => Promise<void>;
  /** By name, the consumers of receipts that this process reads through: they are put right, too. */
  readonly receiptsConsumers: Map<string, WantedConsumer>;
  /** Removes what a run that has ended leaves behind: its messages, bodies and consumer, and a pause. */
  readonly removeRun: (run: string) => Promise<void>;
  /** The stores on JetStream, over this connection: they need not be closed. */
  readonly openStores: () => OpenStores;
  /** Sends what is buffered and closes. */
  readonly close: () => Promise<void>;
}

/** How a process reaches a pipeline. */
export interface PipelineConnectionSettings {
  readonly nats: NatsSettings;
  readonly topology: TopologySettings;
  /**
   * The keys that messages are signed with, each as `id:file`; the first one signs, all are good for checking.
   * @defaultValue none: nothing is signed, and all is believed
   */
  readonly signingKeys?: readonly string[] | undefined;
}

/**
 * Connects, creates or checks the pipeline's topology, and opens its runs.
 *
 * @throws LeatError `unreachable`, `unfit-server`, `invalid-configuration` or `topology-mismatch`
 */
export async function openPipelineConnection(
  spec: PipelineSpec,
  settings: PipelineConnectionSettings,
  options: ConnectOptions,
): Promise<PipelineConnection> {
  const { name, logger, signal } = options;
  const signing = await openSigning(settings.signingKeys, { name, logger });
  const open = async (): Promise<PipelineConnection> => {
    const nats = await openConnection(settings.nats, options);
    return pipelineConnectionOver(nats, spec, settings.topology, {
      logger,
      address: addressOf(settings.nats),
      signing,
      holder: (beatMs) => new Holder(settings.nats, beatMs, logger),
    });
  };
  return persist(open, {
    backoff: RETRY_BACKOFF,
    isFinal: (error) => options.isPatient !== true || !isUnreachable(error),
    onWait: ({ error, retryInMs }) => logger.warn({ retryInMs }, messageOf(error)),
    signal,
  });
}

interface ConnectionParts {
  readonly logger: Logger;
  /** For error messages. */
  readonly address: string;
  readonly signing?: Signing | undefined;
  /** Makes the holder, given how often it shall give a sign of life. */
  readonly holder: (beatMs: number) => PipelineConnection['holder'];
}

/** As {@link openPipelineConnection}, over a connection that stands; it is closed if this fails. */
export async function pipelineConnectionOver(
  nats: NatsConnection,
  spec: PipelineSpec,
  settings: TopologySettings,
  parts: ConnectionParts,
): Promise<PipelineConnection> {
  const { logger, signing } = parts;
  const topology = topologyOf(spec, settings);
  const [{ bucket }, { replicas }] = [topology, settings];
  try {
    const link = new Link(nats);
    const client = jetstream(nats, { timeout: 5_000 });
    const manager = await jetstreamManager(nats, { timeout: 5_000, checkAPI: false });
    const refused = async (error: unknown): Promise<never> => {
      throw jetStreamRefusal(error, parts.address, await serverAnswers(nats));
    };
    await manager.getAccountInfo().catch(refused);
    const { repairs, receiptsConsumers, repair } = topologyRepair(manager, topology, logger);
    const prepare = () => prepared({ client, manager, topology, repairs }, { signing, logger });
    const { ackWaitMs, runs } = await againIfGone(prepare).catch(refused);
    signing?.onRefused(tellRefusals(spec, runs.notes, logger));
    const told = { repair: trying(repair, logger), onWaiting: tellWaiting(runs.notes, logger) };
    const publisher = new Publisher(nats, link, { ...told, signing, logger });
    const maxPayload = (): number => nats.info?.max_payload ?? 1_048_576;
    const stored = { client, manager, bucket, replicas, maxPayload };
    const bodies = new Bodies(stored, logger);
    const holder = parts.holder(Math.min(ackWaitMs / 3, MAX_BEAT_MS));
    const source = { client, link, holder, health: new PullHealth() };
    const common = { spec, topology, publisher, signing, holder, repair, receiptsConsumers };
    const means = { ...common, maxPayload, manager, bodies, source };
    const queues = new ChunkQueues({ ...means, nak: nakOver(nats), notes: runs.notes });
    return {
      ...common,
      nats,
      link,
      client,
      manager,
      runs,
      queues,
      health: source.health,
      get maxPayload() {
        return maxPayload();
      },
      openStores: () => jetStreamStores(stored),
      removeRun: async (run) => {
        await purgeRun(manager, topology, spec.name, run);
        await bodies.removeRun(run);
        await runs.forget(run);
      },
      close: async () => {
        publisher.close();
        await holder.close();
        await closeNats(nats, link);
      },
    };
  } catch (error) {
    await nats.close();
    throw error;
  }
}

interface Unprepared {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly topology: Topology;
  readonly repairs: Repairs;
}

/** Makes what is not there, and opens the bucket. */
async function prepared(
  { client, manager, topology, repairs }: Unprepared,
  options: Parameters<typeof Runs.open>[3],
): Promise<{ readonly ackWaitMs: number; readonly runs: Runs }> {
  const ackWaitMs = await provision(manager, topology, repairs);
  const { bucket, settings } = topology;
  return { ackWaitMs, runs: await Runs.open(client, bucket, settings.replicas, options) };
}

/** Does something once more if a stream went meanwhile that had just been found or made. */
function againIfGone<T>(action: () => Promise<T>): Promise<T> {
  return action().catch((error: unknown) => {
    if (isGone(error)) return action();
    throw error;
  });
}

/** What cannot be repaired now is tried again later. */
function trying(repair: () => Promise<void>, logger: Logger): () => Promise<void> {
  return () =>
    repair().catch((error: unknown) => logger.warn({ err: error }, 'topology not repaired yet'));
}

/** Notes beside a run what its messages wait for, of which the log has it already. */
function tellWaiting(notes: RunNotes, logger: Logger): (subject: string, reason: string) => void {
  return (subject, reason) => {
    // After `leat.v1.<pipeline>`.
    const [stage = '', run = ''] = subject.split('.').slice(3);
    const at = new Date().toISOString();
    notes.tellTrouble(run, { stage, reason, at }).catch((error: unknown) => {
      logger.debug({ run }, `trouble not told: ${messageOf(error)}`);
    });
  };
}

/** Gives messages back at once, by their reply subjects alone. */
function nakOver(nats: NatsConnection): (reply: string) => void {
  return (reply) => {
    if (!nats.isClosed()) nats.publish(reply, '-NAK');
  };
}

/** What is under way cannot be sent while the connection is down: the client would wait for it. */
async function closeNats(nats: NatsConnection, link: Link): Promise<void> {
  await (link.isUp ? nats.drain().catch(() => nats.close()) : nats.close());
}
