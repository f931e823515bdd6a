import type { DriftCode } from '@leat/core';

/** What may be found of the server itself. */
export type ServerCode =
  | 'server-too-old'
  | 'server-loses-messages'
  | 'single-server'
  | 'sync-interval-long'
  | 'sync-interval-unseen'
  | 'monitor-unreachable'
  | 'clock-skew'
  | 'payload-small'
  | 'storage-full'
  | 'storage-nearly-full';

/** `error`: loses data or stops. `warning`: may, when something else happens. `note`: good to know. */
export type Severity = 'error' | 'warning' | 'note';

/** Everything that `leat doctor` can find, as a closed list. */
export type FindingCode =
  | ServerCode
  | 'stream-unavailable'
  | 'stream-missing'
  | 'stream-unknown'
  | 'replica-offline'
  | 'memory-storage'
  | 'few-replicas'
  | DriftCode
  | 'unbounded'
  | 'consumer-missing'
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
