import { DOCTOR_CODES, type FindingCode, type Severity } from './codes.ts';
import type { WantedConsumer, WantedStream } from '@leat/core';

/** A change that mends a finding, and cannot lose anything. */
export type Mend =
  | {
      readonly kind: 'create-stream';
      readonly stream: WantedStream;
      readonly consumer?: WantedConsumer;
    }
  | { readonly kind: 'create-bucket'; readonly bucket: string; readonly replicas: number }
  | {
      readonly kind: 'create-consumer';
      readonly stream: string;
      readonly consumer: WantedConsumer;
    }
  | {
      readonly kind: 'update-stream';
      readonly stream: string;
      readonly change: Partial<Pick<WantedStream, 'discard' | 'duplicate_window'>>;
    }
  | {
      readonly kind: 'update-consumer';
      readonly stream: string;
      readonly consumer: string;
      readonly change: Partial<
        Pick<WantedConsumer, 'ack_wait' | 'max_deliver' | 'max_ack_pending'>
      >;
    };

/** One thing that was found. */
export interface Finding {
  readonly severity: Severity;
  readonly code: FindingCode;
  /** What it was found on: `stream leat_cities_place`. */
  readonly subject: string;
  /** What was found: the field and its value. */
  readonly found: string;
  readonly consequence: string;
  readonly remedy: string;
  /** What mends it; absent where that may lose something, or is not Leat's to do. */
  readonly mend?: Mend;
}

export function findingOf(code: FindingCode, subject: string, found: string, mend?: Mend): Finding {
  const { severity, consequence, remedy } = DOCTOR_CODES[code];
  return { severity, code, subject, found, consequence, remedy, ...(mend && { mend }) };
}
