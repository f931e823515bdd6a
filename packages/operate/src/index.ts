// Doctor
export type { ClockReading } from './doctor/clock-skew.ts';
export type { CodeMeaning, FindingCode, Severity } from './doctor/codes.ts';
export { DOCTOR_CODES } from './doctor/codes.ts';
export type { DiagnosisOptions } from './doctor/diagnose.ts';
export { diagnose } from './doctor/diagnose.ts';
export { examine } from './doctor/examine.ts';
export { isStreamOf } from './doctor/expected.ts';
export type { Finding, Mend } from './doctor/finding.ts';
export { mend } from './doctor/mend.ts';
export { readMonitor } from './doctor/monitor.ts';
export type {
  Examination,
  SeenConsumer,
  SeenMonitor,
  SeenRun,
  SeenStream,
  SeenUsage,
} from './doctor/seen.ts';

// Dead letters
export type { FailedChunk, FailedChunkFile, FailedRecord } from './dead/failed-chunk-file.ts';
export { formatFailedChunk, parseFailedChunk } from './dead/failed-chunk-file.ts';

// Runs
export type { SinkAccount } from './verify-sink.ts';
export { accountOf } from './verify-sink.ts';
