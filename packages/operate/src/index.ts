// The client
export type { ConnectOptions } from './connect.ts';
export { connect } from './connect.ts';
export type { Leat, RunList } from './leat.ts';
export type { RunsWanted } from './runs/list-runs.ts';
export type { RunHandle } from './runs/run-handle.ts';
export type { StartOptions } from './runs/start-on.ts';

// Dead letters
export type { DeadLetter, FailedRecord, LeftOut } from '@leat/runtime';
export type { DeadLetterGroup, DeadLetters, LetterChoice } from './dead/dead-letters.ts';
export type { DroppedLetters } from './dead/drop-letters.ts';
export type { FailedChunk, FailedChunkFile } from './dead/failed-chunk-file.ts';
export { formatFailedChunk, parseFailedChunk } from './dead/failed-chunk-file.ts';
export type { Redrive } from './dead/redrive-letters.ts';

// Sinks
export type { ExportOptions } from './sinks/export-run.ts';
export type { Verification } from './sinks/verify-run.ts';

// Doctor
export type { CodeMeaning, FindingCode, Severity } from './doctor/finding-code.ts';
export { DOCTOR_CODES } from './doctor/codes.ts';
export type { Diagnosis, DoctorOptions, Mended } from './doctor/examine-server.ts';
export type { Finding, Mend } from './doctor/finding.ts';
