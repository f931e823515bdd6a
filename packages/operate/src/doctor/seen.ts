import type { ClockReading } from './clock-skew.ts';
import type { PipelineSpec, RunState, Trouble } from '@leat/core';

/** A stream as it was seen, in JetStream's own words (durations in nanoseconds). */
export interface SeenStream {
  /** All of it, since it is compared as a whole. */
  readonly config: Readonly<Record<string, unknown>> & {
    readonly name: string;
    readonly retention: string;
    readonly storage: string;
    readonly max_msgs: number;
    readonly max_bytes: number;
    readonly num_replicas: number;
  };
  readonly state: {
    readonly messages: number;
    readonly bytes: number;
    /** How many messages there are on each subject. */
    readonly subjects: Readonly<Record<string, number>>;
  };
  /** The copies beside the leader's, in a cluster. */
  readonly copies: readonly SeenCopy[];
  readonly consumers: readonly SeenConsumer[];
}

/** A copy of a stream, as the stream's leader sees it. */
interface SeenCopy {
  readonly server: string;
  readonly isCurrent: boolean;
  readonly isOffline: boolean;
}

/**
 * A consumer as it was seen. Where it was looked at twice, the look stands that speaks for it: the one who
 * pulls is between two pulls at times.
 */
export interface SeenConsumer {
  readonly name: string;
  /** All of it, since it is compared as a whole. */
  readonly config: Readonly<Record<string, unknown>> & {
    readonly ack_wait: number;
    readonly mem_storage?: boolean;
  };
  /** Messages that were never delivered. */
  readonly pending: number;
  /** Messages that were delivered and not acknowledged. */
  readonly ackPending: number;
  /** Pulls that wait for a message. */
  readonly waiting: number;
  readonly isPaused: boolean;
  /** Whether the holder of messages gave a sign of life; absent where that could not be told. */
  readonly isAlive?: boolean;
  /** How long ago a message was last delivered or acknowledged, by the server's clock. */
  readonly quietMs: number;
}

/** What an account has, and may have. A limit of -1 is none. */
export interface SeenUsage {
  readonly storage: number;
  readonly memory: number;
  readonly streams: number;
  readonly consumers: number;
  readonly limits: {
    readonly max_storage: number;
    readonly max_memory: number;
    readonly max_streams: number;
    readonly max_consumers: number;
  };
}

/** What a server's monitoring endpoint said, or why it said nothing. */
export interface SeenMonitor {
  readonly url: string;
  readonly failure?: string;
  readonly server?: {
    readonly name: string;
    readonly version: string;
    /** How long written data may stay in memory; 0 for never. Absent on a server without JetStream. */
    readonly syncIntervalMs?: number;
    readonly storage?: { readonly used: number; readonly limit: number };
  };
}

/** A run, as far as its messages are to be judged by it. */
export interface SeenRun {
  readonly run: string;
  readonly pipeline: string;
  readonly state: RunState;
  /** How long ago it ended, in milliseconds: what it left is removed a little later. */
  readonly endedAgoMs?: number;
  readonly spec: PipelineSpec;
  /** What its stages say that holds it up; absent if they say nothing. */
  readonly troubles?: readonly Trouble[];
}

/** Everything that was seen of a NATS server. */
export interface Examination {
  readonly server: {
    readonly name: string;
    readonly version: string;
    readonly isClustered: boolean;
    /** The largest message that it takes, in bytes. */
    readonly maxPayload: number;
  };
  readonly monitors: readonly SeenMonitor[];
  readonly clocks: readonly ClockReading[];
  /** The account as a whole, and each of its tiers if it has any. */
  readonly usages: readonly SeenUsage[];
  /** Streams with Leat's names, those of its buckets included. */
  readonly streams: readonly SeenStream[];
  /** Streams that are there, and of which nothing could be learnt. */
  readonly unavailable: readonly { readonly name: string; readonly reason: string }[];
  /** `undefined` if they could not be read. */
  readonly runs: readonly SeenRun[] | undefined;
}
