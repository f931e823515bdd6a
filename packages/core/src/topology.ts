import {
  bucketName,
  deadSubject,
  receiptsSubject,
  settledSubject,
  stageSubject,
  streamName,
} from './names.ts';
import { type PipelineSpec, queuedStages } from './spec.ts';

/** The limits and safety of a pipeline's streams; what an operator may tune. */
export interface TopologySettings {
  /**
   * Copies of each stream in a NATS cluster: 1 for development, 3 for production.
   * @defaultValue `1`
   */
  readonly replicas: number;
  /**
   * The most chunks that may wait in front of a stage.
   * @defaultValue `2_000`
   */
  readonly maxMessages: number;
  /**
   * The most bytes that may wait in front of a stage.
   * @defaultValue `268_435_456` (256 MiB)
   */
  readonly maxBytes: number;
  /**
   * How long a chunk may go without a sign of life before another replica gets it: the time it takes to
   * recover from a death. Extended for as long as a living replica holds the chunk.
   * @defaultValue `10_000` (10 s)
   */
  readonly ackWaitMs: number;
}

export const DEFAULT_TOPOLOGY_SETTINGS: TopologySettings = {
  replicas: 1,
  maxMessages: 2_000,
  maxBytes: 256 * 1024 * 1024,
  ackWaitMs: 10_000, // 10 s
};

/** How long JetStream remembers a message id: an optimisation, since identity is checked at the sink. */
const DUPLICATE_WINDOW_MS = 120_000; // 2 min, JetStream's own default

/** Where a stream says with which limits it was made: only services know their settings. */
const LIMITS = 'leat-limits';

/** How many messages of receipts a fetcher may hold until its next checkpoint. */
export const MAX_RECEIPTS_HELD = 1_024;

/** A stream as Leat wants it, in JetStream's own words (durations in nanoseconds). */
export interface WantedStream {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly retention: 'workqueue' | 'limits';
  readonly storage: 'file';
  readonly discard: 'new';
  readonly max_msgs: number;
  readonly max_bytes: number;
  readonly num_replicas: number;
  readonly duplicate_window: number;
  readonly max_msgs_per_subject?: number;
  readonly allow_rollup_hdrs?: true;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a stream of a pipeline is for. `bodies` is the object store, `bucket` the key-value bucket. */
export type TopologyObject = 'queue' | 'receipts' | 'dead' | 'bucket' | 'bodies';

/** A stream of a pipeline as Leat wants it, and what it is for. */
export interface StreamObject {
  readonly kind: TopologyObject;
  readonly stream: WantedStream;
}

/** A durable pull consumer as Leat wants it. */
export interface WantedConsumer {
  readonly durable_name: string;
  readonly filter_subject: string;
  readonly ack_policy: 'explicit';
  readonly ack_wait: number;
  readonly max_deliver: -1;
  readonly max_ack_pending: number;
}

/** A stage's queue: its stream, and the one durable consumer that all replicas share. */
export interface WantedQueue {
  readonly stage: string;
  readonly stream: WantedStream;
  readonly consumer: WantedConsumer;
}

/** Everything that a pipeline needs on a NATS server. */
export interface Topology {
  readonly queues: readonly WantedQueue[];
  readonly receipts: WantedStream;
  readonly dead: WantedStream;
  /** The name of both the key-value bucket and the object store. */
  readonly bucket: string;
  /** The stream behind the key-value bucket. */
  readonly entries: WantedStream;
  /** The stream behind the object store, which is made when the first large body turns up. */
  readonly bodies: WantedStream;
  readonly settings: TopologySettings;
}

/**
 * In front of a join, parts stay when they have been acknowledged, until the last one of their chunk has come. They are
 * as many as the window lets out: a bound of their own could keep out the very part that the others wait for.
 */
const KEPT = { retention: 'limits', max_msgs: -1, max_bytes: -1 } as const;

/** The subjects of one run's chunks in a queue. */
export function subjectsOfRun({ filter_subject }: WantedConsumer, run: string): string {
  return filter_subject.replace('*', run);
}

/** What a pipeline needs on a NATS server, as data. */
export function topologyOf(spec: PipelineSpec, settings: TopologySettings): Topology {
  const stream = (stage: string, subject: string): WantedStream => ({
    name: streamName(spec.name, stage),
    subjects: [subject],
    retention: 'workqueue',
    storage: 'file',
    discard: 'new',
    max_msgs: settings.maxMessages,
    max_bytes: settings.maxBytes,
    num_replicas: settings.replicas,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    metadata: { [LIMITS]: `${settings.maxMessages} ${settings.maxBytes}` },
  });
  return {
    queues: queuedStages(spec).map(({ name, join }) => {
      const subject = stageSubject(spec.name, name, join === undefined ? '*' : '*.*');
      const queue = stream(name, subject);
      return {
        stage: name,
        stream: join === undefined ? queue : { ...queue, ...KEPT },
        consumer: wantedConsumer(name, subject, settings),
      };
    }),
    // Receipts are small, and what holds them up holds up everything: only their bytes are bounded.
    receipts: { ...stream('receipts', receiptsSubject(spec.name, '*')), max_msgs: -1 },
    dead: {
      ...stream('dead', deadSubject(spec.name, '*')),
      subjects: [deadSubject(spec.name, '*'), settledSubject(spec.name, '*')],
      retention: 'limits',
      max_msgs: -1,
    },
    bucket: bucketName(spec.name),
    entries: bucketStreamOf(bucketName(spec.name), settings.replicas),
    bodies: bodiesStreamOf(bucketName(spec.name), settings.replicas),
    settings,
  };
}

/** The stream behind a key-value bucket: one value for each key, and no bound. */
export function bucketStreamOf(bucket: string, replicas: number): WantedStream {
  return {
    ...storeOf(replicas),
    name: `KV_${bucket}`,
    subjects: [`$KV.${bucket}.>`],
    max_msgs_per_subject: 1,
  };
}

/** The stream behind an object store. */
function bodiesStreamOf(bucket: string, replicas: number): WantedStream {
  return {
    ...storeOf(replicas),
    name: `OBJ_${bucket}`,
    subjects: [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`],
  };
}

/**
 * A stream as the services want it that made it, for anyone who was not given their settings.
 *
 * @param found its configuration on the server; limits of a stream that says nothing are taken as they are
 */
export function asItWasMade(
  wanted: WantedStream,
  found: Readonly<Record<string, unknown>>,
): WantedStream {
  const { [LIMITS]: said = '' } = (found['metadata'] ?? {}) as Readonly<Record<string, string>>;
  const [maxMessages, maxBytes] = said.split(' ').map(Number);
  return {
    ...wanted,
    max_msgs: limitOf(wanted.max_msgs, maxMessages, found['max_msgs']),
    max_bytes: limitOf(wanted.max_bytes, maxBytes, found['max_bytes']),
  };
}

/** What is wanted without a limit has none. */
function limitOf(wish: number, made: number | undefined, has: unknown): number {
  if (wish <= 0) return wish;
  return made !== undefined && made > 0 ? made : Number(has ?? wish);
}

function storeOf(replicas: number): Omit<WantedStream, 'name' | 'subjects'> {
  return {
    retention: 'limits',
    storage: 'file',
    discard: 'new',
    max_msgs: -1,
    max_bytes: -1,
    num_replicas: replicas,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    allow_rollup_hdrs: true,
  };
}

/** Each stream that a pipeline needs from its beginning; the object store comes later. */
export function streamsOf(topology: Topology): StreamObject[] {
  const { queues, receipts, dead, entries } = topology;
  return [
    ...queues.map(({ stream }) => ({ kind: 'queue' as const, stream })),
    { kind: 'receipts', stream: receipts },
    { kind: 'dead', stream: dead },
    { kind: 'bucket', stream: entries },
  ];
}

/** The consumer through which the fetcher of one run reads its receipts. */
export function receiptsConsumerOf(
  pipeline: string,
  run: string,
  durableName: string,
  settings: TopologySettings,
): WantedConsumer {
  return {
    ...wantedConsumer(durableName, receiptsSubject(pipeline, run), settings),
    max_ack_pending: MAX_RECEIPTS_HELD,
  };
}

function wantedConsumer(
  durableName: string,
  subject: string,
  settings: TopologySettings,
): WantedConsumer {
  return {
    durable_name: durableName,
    filter_subject: subject,
    ack_policy: 'explicit',
    ack_wait: nanos(settings.ackWaitMs),
    max_deliver: -1,
    // Every waiting chunk may be in somebody's hand: the bound is what replicas pull, not this.
    max_ack_pending: settings.maxMessages,
  };
}

function nanos(milliseconds: number): number {
  return milliseconds * 1_000_000;
}
