export {
  BusyError,
  compareChunkIds,
  formatChunkId,
  formatReceipt,
  LeatError,
  messageOf,
  parseChunkId,
  parseReceipt,
  RetryAfterError,
  TerminalError,
} from '@leat/core';
export type {
  ChunkId,
  ChunkLimits,
  Counts,
  DeadTolerance,
  GivenParams,
  JsonValue,
  LeatErrorCode,
  NumberRule,
  Position,
  PositionUnit,
  Receipt,
  RetryPolicy,
  RunIdentity,
  SinkIdentity,
  ThrownDescription,
} from '@leat/core';
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
export { admitToSink } from './admit-to-sink.ts';
export { chunkDigest } from './chunk-digest.ts';
export { countLines, linesOf } from './lines.ts';
export { fromStart } from './start-directory.ts';
export type { Logger } from './logger.ts';
export type { RejectedRecord } from './sink-rejection.ts';
export { SinkRejection } from './sink-rejection.ts';
export type { RecordFailure, RequestInfo, StageContext } from './context.ts';
export type {
  BlobOptions,
  BlobReference,
  KeyedState,
  StageBlobs,
  StageState,
} from './stage-state.ts';
export type {
  DataStore,
  OpenStores,
  StateEntry,
  StateStore,
  Stores,
  StoresContext,
} from './stores.ts';
export type { GivenParamsOf, ParamsOf, ParamsSchema, TextParams } from './params.ts';
export type {
  AddedFields,
  Fetcher,
  From,
  Joins,
  Mapper,
  Output,
  Route,
  RouteContext,
  RouteWork,
  Saver,
  Sources,
  Stage,
  Upstream,
  Work,
} from './define/stages.ts';
export type { FetcherOptions } from './define/fetcher.ts';
export { fetcher } from './define/fetcher.ts';
export type { EnrichedSchema, EnrichOptions } from './define/enrich.ts';
export type { Recover } from './define/mapper-common.ts';
export type { MapperOptions } from './define/mapper.ts';
export { mapper } from './define/mapper.ts';
export type { RouteOptions } from './define/route.ts';
export { route } from './define/route.ts';
export type { Branches, JoinOptions, Parts } from './define/join.ts';
export { join } from './define/join.ts';
export type { Selection } from './define/when.ts';
export { otherwise, when } from './define/when.ts';
export type { SaverOptions } from './define/saver.ts';
export { saver } from './define/saver.ts';
export { originOf } from './define/sources.ts';
export { coercesNumbers } from './define/schema-parts.ts';
export type { Finally, HookRun, OnFailure } from './define/hooks.ts';
export type { Pipeline, PipelineOptions } from './define/pipeline.ts';
export { pipeline } from './define/pipeline.ts';
