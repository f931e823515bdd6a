import { DOCTOR_CODES } from './codes.ts';
import type { FindingCode, Severity } from './finding-code.ts';
import { type Drift, driftText, type StreamObject, type WantedConsumer } from '@leat/core';

/** A change that mends a finding, and cannot lose anything. */
export type Mend =
  | {
      readonly kind: 'create-stream';
      readonly object: StreamObject;
      readonly consumer?: WantedConsumer;
    }
  | { readonly kind: 'create-bucket'; readonly bucket: string; readonly replicas: number }
  | {
      readonly kind: 'create-consumer';
      readonly stream: string;
      readonly consumer: WantedConsumer;
    }
  | { readonly kind: 'repair-stream'; readonly object: StreamObject }
  | {
      readonly kind: 'repair-consumer';
      readonly stream: string;
      readonly consumer: WantedConsumer;
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

/** What differs from what is wanted, as findings; `mend` is what repairs it. */
export function driftFindings(drifts: readonly Drift[], subject: string, mend: Mend): Finding[] {
  return drifts.map((drift) =>
    findingOf(drift.code, subject, driftText(drift), drift.repair && mend),
  );
}
