// What the services and the command line of Leat share; it does not follow semantic versioning.
export type { TraceHeaders } from './tracing/chunk-span.ts';
export { ChunkTracer, continueTrace } from './tracing/chunk-tracer.ts';
export type { DeadLetter } from './dead/dead-letter.ts';
export type { FailedRecord } from './dead/failed-record.ts';
export { failedRecord } from './dead/failed-record.ts';
export type { LogFormat, Logger } from './logger.ts';
export { createLogger } from './logger.ts';
export type { ChunkOutcome, Meter, StageMeter } from './meter.ts';
export type { Telemetry } from './telemetry.ts';
export { ChunkTelemetry, StageTelemetry } from './telemetry.ts';
export { Bell } from './bell.ts';
export { persist } from './persist.ts';
export { wait } from './wait.ts';
export type { DeadRecord, DeathPlace } from './dead/bury.ts';
export { bury } from './dead/bury.ts';
export { confirmExecutions } from './dead/confirm-executions.ts';
export type { OnUnreadable, StoredDeadLetter } from './dead/dead-letter-store.ts';
export { DeadLetterStore } from './dead/dead-letter-store.ts';
export type { Envelope } from './chunks/chunk-message.ts';
export { Bodies } from './chunks/bodies.ts';
export { ChunkQueues } from './chunks/chunk-queues.ts';
export type { Delivery } from './chunks/delivery.ts';
export { connectionName, openConnection } from './jetstream/connection.ts';
export type { Descent, Piece } from './chunks/send-on.ts';
export { sendOn, sendOut } from './chunks/send-on.ts';
export { observeQueues } from './chunks/observe.ts';
export type { PipelineConnection } from './jetstream/pipeline-connection.ts';
export { openPipelineConnection, pipelineConnectionOver } from './jetstream/pipeline-connection.ts';
export type { Publishing } from './jetstream/publisher.ts';
export { PullHealth } from './jetstream/pull-health.ts';
export { purgeQueues, purgeRun } from './jetstream/purge-run.ts';
export type { WantedDeadLetters } from './dead/read-dead-letters.ts';
export { deadLetterPipelines, readDeadLetters } from './dead/read-dead-letters.ts';
export type { LeftOut, RedriveSurvey } from './dead/redrive-survey.ts';
export { surveyDeadLetters } from './dead/redrive-survey.ts';
export type { SaverSink } from './chunks/receipt-message.ts';
export { ReceiptSender } from './chunks/receipt-sender.ts';
export type { ReceiptDelivery, ReceiptStream } from './chunks/receipt-stream.ts';
export { receiveReceipts } from './chunks/receipt-stream.ts';
export { progressOf } from './runs/run-entries.ts';
export type { ProgressEntry } from './runs/runs.ts';
export { Runs } from './runs/runs.ts';
export type { RunStart, StartedRun } from './runs/start-run.ts';
export { resumeRun, startRun } from './runs/start-run.ts';
export { permissionRefusal } from './jetstream/permission-refusal.ts';
export {
  ensureConsumer,
  ensureStream,
  isGone,
  jetStreamRefusal,
  provision,
} from './jetstream/provision.ts';
export type { ConnectionSettings, NatsSettings } from './jetstream/settings.ts';
export { addressOf, natsSettingsOf } from './jetstream/settings.ts';
export { Slots } from './jetstream/slots.ts';
export type { Demand } from './demand.ts';
export { demand, demandObject, demandPipeline } from './demand.ts';
export { isNatsError } from './jetstream/nats-error.ts';
export { loadPipeline } from './load-pipeline.ts';
export { givenParams, readParams } from './runs/run-params.ts';
export type { GivenRun } from './runs/run-info.ts';
export { misfitOf, readRun, runInfoOf, secretsFrom, whyUnfit } from './runs/run-info.ts';
export type { ReadRecord } from './records/records.ts';
export { InvalidRecord, readRecords, textsOf } from './records/records.ts';
export { applySchema, ENCODE } from './records/apply-schema.ts';
export { describeIssues } from './records/schema-issues.ts';
export type { KnownRun } from './runs/known-runs.ts';
export { KnownRuns } from './runs/known-runs.ts';
export { TroubleTeller } from './runs/trouble-teller.ts';
export { openSinkToRead } from './runs/open-sink.ts';
