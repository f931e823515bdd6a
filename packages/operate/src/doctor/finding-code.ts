import type { DriftCode } from '@leat/core';

/** `error`: loses data or stops. `warning`: may, when something else happens. `note`: good to know. */
export type Severity = 'error' | 'warning' | 'note';

/** Everything that `leat doctor` can find, as a closed list. */
export type FindingCode =
  | 'server-too-old'
  | 'server-loses-messages'
  | 'single-server'
  | 'sync-interval-long'
  | 'sync-interval-unseen'
  | 'monitor-unreachable'
  | 'clock-skew'
  | 'storage-full'
  | 'storage-nearly-full'
  | 'stream-unavailable'
  | 'stream-missing'
  | 'stream-unknown'
  | 'replica-offline'
  | 'memory-storage'
  | 'few-replicas'
  | DriftCode
  | 'unbounded'
  | 'consumer-missing'
  | 'payload-small'
  | 'run-held-up'
  | 'queue-stands-still'
  | 'queue-quiet'
  | 'queue-nearly-full'
  | 'dead-letters-nearly-full'
  | 'leftovers';

/** What a code means. */
export interface CodeMeaning {
  readonly severity: Severity;
  /** What is looked at. */
  readonly what: string;
  readonly consequence: string;
  readonly remedy: string;
  /** Whether `leat doctor --fix` mends it. */
  readonly isMended?: true;
  /** Whether runs may stand still by it: then `leat status` says it of those that have not ended. */
  readonly holdsUp?: true;
}
