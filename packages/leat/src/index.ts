// The face of Leat: it re-exports, and does nothing else.
export * from '@leat/sdk';
export type { RunPace, RunReport, RunState } from '@leat/core';
export { Pace } from '@leat/core';
export type {
  ConnectionSettings,
  Health,
  PipelineOrFile,
  Role,
  RunPipelineOptions,
  ServeOptions,
  Service,
} from '@leat/host';
export { runPipeline, serve } from '@leat/host';
export type {
  ConnectOptions,
  DeadLetter,
  DeadLetterGroup,
  DeadLetters,
  Diagnosis,
  DoctorOptions,
  ExportOptions,
  FailedChunk,
  FailedChunkFile,
  Finding,
  Leat,
  LetterChoice,
  RunHandle,
  RunList,
  RunsWanted,
  StartOptions,
  Verification,
} from '@leat/operate';
export { connect, formatFailedChunk, parseFailedChunk } from '@leat/operate';
