export { BusyError, LeatError, RetryAfterError, TerminalError } from '@leat/core';
export type {
  Committed,
  RejectedInput,
  RunInfo,
  Sink,
  SinkChunk,
  SinkContext,
  SinkSession,
  Source,
  SourceChunk,
  SourceRequest,
  StoredChunk,
} from './contracts.ts';
export { chunkDigest } from './chunk-digest.ts';
export type { RejectedRecord } from './sink-rejection.ts';
export { SinkRejection } from './sink-rejection.ts';
export type { StageContext } from './context.ts';
export type {
  Fetcher,
  FetcherOptions,
  Mapper,
  MapperOptions,
  Pipeline,
  Saver,
  SaverOptions,
  Stage,
  Upstream,
  Work,
} from './define.ts';
export { fetcher, mapper, pipeline, saver } from './define.ts';
