// Names and graph
export type { JoinSpec, Missing, PipelineSpec, StageKind, StageSpec } from './spec.ts';
export {
  hostOf,
  inlineStagesOf,
  linked,
  outputName,
  outputsOf,
  queuedStages,
  readersOf,
  sourcesOf,
  stageOf,
  withLinksOf,
} from './spec.ts';
export type { Outlet } from './outlets.ts';
export { linksIn, outletsOf } from './outlets.ts';
export type { Region } from './region.ts';
export { regionsAround, regionsOf } from './region.ts';
export { checkSpec } from './check-spec.ts';
export { GRAPH_FORMATS, type GraphFormat, graphText } from './graph-text.ts';
export { drawGraph, specDifference } from './spec-difference.ts';
export {
  bucketName,
  checkName,
  deadSubject,
  isVariableName,
  newRunId,
  receiptsConsumer,
  receiptsSubject,
  runOfSubject,
  partSubject,
  settledSubject,
  stageSubject,
  streamName,
} from './names.ts';
export type { NatsRole, Permissions } from './permissions.ts';
export { NATS_ROLES, permissionsOf } from './permissions.ts';
export type { Drift, DriftCode } from './drift.ts';
export { consumerDrifts, driftText, streamDrifts } from './drift.ts';
export type {
  Topology,
  StreamObject,
  TopologyObject,
  TopologySettings,
  WantedConsumer,
  WantedQueue,
  WantedStream,
} from './topology.ts';
export {
  asItWasMade,
  DEFAULT_TOPOLOGY_SETTINGS,
  bucketStreamOf,
  MAX_RECEIPTS_HELD,
  receiptsConsumerOf,
  streamsOf,
  subjectsOfRun,
  topologyOf,
} from './topology.ts';

// Versions of formats
export type { Format, FormatAge } from './format-version.ts';
export {
  formatAge,
  formatAgeOf,
  FORMATS,
  isNewerVersion,
  newerVersion,
  unknownFields,
  writtenVersion,
} from './format-version.ts';

// Chunks
export type { ChunkId, Redriven } from './chunk-id.ts';
export {
  childId,
  compareChunkIds,
  formatChunkId,
  ordinalOf,
  parseChunkId,
  precedes,
  redriveId,
  redrivenOf,
} from './chunk-id.ts';
export { canReach, redrivenAt } from './chunk-path.ts';
export type { Counts } from './counts.ts';
export {
  addCounts,
  copiedCounts,
  divideCounts,
  formatCounts,
  NO_COUNTS,
  parseCounts,
  recordsOf,
} from './counts.ts';
export type { ChildChunk, FinishedChunk } from './fan-out.ts';
export { fanOut, forkAgain, readPieces } from './fan-out.ts';
export type { BranchFailure, FoundRecord, Joining, JoinFate, Part } from './join.ts';
export {
  closed,
  depthOfFailures,
  fateOfJoining,
  fewestParts,
  forkedBy,
  Gathering,
  joinedCounts,
  matched,
} from './join.ts';
export type { OpenRegion } from './open-region.ts';
export { formatRegions, offsetsOf, parseRegions } from './open-region.ts';
export type { Fate } from './fate.ts';
export { fateOf } from './fate.ts';
export type { Origins } from './origins.ts';
export { formatOrigins, parseOrigins } from './origins.ts';
export type { Position, PositionUnit } from './position.ts';
export { formatPosition, parsePosition } from './position.ts';
export type { Receipt } from './receipt.ts';
export { formatReceipt, isSourceChecksum, parseReceipt, savedRecords } from './receipt.ts';
export { formatExecutions, newExecution, parseExecutions } from './execution.ts';
export { addDigest, EMPTY_DIGEST } from './digest.ts';
export { divisionToken, isDivisions, withDeaths } from './division.ts';

// Runs
export type { LeafOutcome, SettledPaths } from './lineage.ts';
export { settleLeaf } from './lineage.ts';
export type { ChunkInFlight } from './in-flight.ts';
export type { Settlement } from './ledger.ts';
export { Ledger } from './ledger.ts';
export type { LedgerCheckpoint, PartlySettled, Totals } from './ledger-checkpoint.ts';
export { FIRST_CHECKPOINT, mostInFlight } from './ledger-checkpoint.ts';
export type { RedriveCheckpoint, RedriveInFlight } from './redrives.ts';
export { REDRIVEN_COUNTS, Redrives } from './redrives.ts';
export { requestId, rootOf } from './request-id.ts';
export type {
  ChosenLetter,
  DeadLetterChoice,
  NotRedrivable,
  RedriveWish,
} from './redrive-choice.ts';
export { isChosen, NOT_UTF8, redriveOf } from './redrive-choice.ts';
export { LedgerRebuild } from './ledger-rebuild.ts';
export { type Range, RangeSet } from './range-set.ts';
export type { QueueObservation } from './lost.ts';
export { isOverdue, lostChunks } from './lost.ts';
export type { DeadTolerance, DeathToll } from './tolerance.ts';
export { deathTollOf, isDeadTolerance, lookForBurst, whyTooManyDead } from './tolerance.ts';
export { Pace } from './estimate.ts';
export type { LeaseView } from './lease.ts';
export { LEASE_MS, mayTakeOver, nextFence } from './lease.ts';
export type { ChunkLimits, GivenParams, RunIdentity } from './run-identity.ts';
export { identityOf, newBirthMark } from './run-identity.ts';
export type { Claimant, SinkClaim, SinkIdentity } from './sink-claim.ts';
export { claimSink, formatSinkClaim, parseSinkClaim } from './sink-claim.ts';
export type {
  HookOutcome,
  RunHooks,
  RunPace,
  RunProgress,
  RunReport,
  RunRequest,
  RunState,
  RunWish,
  Trouble,
} from './run.ts';
export { completedState, hookId, isEnded, isResumable, mayBeRedriven, reportOf } from './run.ts';

// Failures and flow
export type { LeatErrorCode } from './errors.ts';
export {
  BusyError,
  errorText,
  LEAT_ERROR_CODES,
  LeatError,
  RetryAfterError,
  TerminalError,
} from './errors.ts';
export { isThenable } from './thenable.ts';
export type { ThrownDescription } from './thrown.ts';
export { causesOf, describeThrown, isA, messageOf } from './thrown.ts';
export type { Backoff, FailureKind, RetryDecision, RetryPolicy } from './retry.ts';
export {
  backoffMs,
  classifyFailure,
  decideRetry,
  DEFAULT_RETRY_POLICY,
  retryPolicy,
} from './retry.ts';
export { MAX_SLOTS, movingAverage, wantedSlots } from './slots.ts';
export { nextWindow, WINDOW_RULES, type WindowLook, type WindowRules } from './window.ts';
export { isExactNumber, mayHaveInexactNumbers } from './exact-number.ts';
export type { InexactToken, NumberRule } from './read-json.ts';
export { InexactNumber, NUMBER_RULES, readJson } from './read-json.ts';
export { addFields, isObjectText } from './add-fields.ts';
export type { JsonText, JsonValue } from './json.ts';
export { jsonText } from './json.ts';
export { parseJson, stringifyJson } from './own-json.ts';
export { nearest, noSuchName } from './nearest.ts';

// Servers
export { losesReplicatedQueues, OLDEST_SERVER, whyTooOld } from './server-version.ts';
