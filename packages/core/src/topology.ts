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
  readonly settings: TopologySettings;
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
  });
  return {
    queues: queuedStages(spec).map(({ name }) => {
      const subject = stageSubject(spec.name, name, '*');
      return {
        stage: name,
        stream: stream(name, subject),
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
    settings,
  };
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

/** One setting that is not as wanted. */
export interface Mismatch {
  readonly field: string;
  readonly wanted: unknown;
  readonly found: unknown;
}

/**
 * Compares what the server has with what Leat wants, in the fields on which correctness rests. Limits,
 * replicas and windows may differ: an operator who made the stream beforehand knows why.
 */
export function mismatches(
  wanted: WantedStream | WantedConsumer,
  found: Readonly<Record<string, unknown>>,
): Mismatch[] {
  const fields: readonly string[] =
    'retention' in wanted
      ? ['subjects', 'retention', 'discard']
      : ['filter_subject', 'ack_policy', 'max_deliver'];
  const differing: Mismatch[] = [];
  for (const field of fields) {
    const want = (wanted as unknown as Readonly<Record<string, unknown>>)[field];
    if (JSON.stringify(want) !== JSON.stringify(found[field])) {
      differing.push({ field, wanted: want, found: found[field] });
    }
  }
  return differing;
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
