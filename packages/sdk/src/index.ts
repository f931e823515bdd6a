export { BusyError, LeatError, RetryAfterError, TerminalError } from '@leat/core';
export type {
  Committed,
  RejectedInput,
  RejectedRecord,
  RunInfo,
  Sink,
  SinkChunk,
  SinkContext,
  SinkRejection,
  SinkSession,
  Source,
  SourceChunk,
  SourceRequest,
  StoredChunk,
} from './contracts.ts';
export { chunkDigest } from './chunk-digest.ts';
