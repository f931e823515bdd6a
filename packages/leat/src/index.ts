// The face of Leat: it re-exports, and does nothing else.
export * from '@leat/sdk';
export type { RunReport, RunState } from '@leat/core';
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
