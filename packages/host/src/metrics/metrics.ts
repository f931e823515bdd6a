import type { Role } from '../role.ts';

/** A metric as it is described to the one who looks at it. */
export interface MetricRow<
  Type extends 'counter' | 'gauge' | 'histogram' = 'counter' | 'gauge' | 'histogram',
> {
  readonly name: string;
  readonly type: Type;
  /** Besides `pipeline` and `role`, which all have. None grows with runs or data. */
  readonly labels: readonly string[];
  /** The processes that have it. */
  readonly roles: readonly Role[];
  /** One sentence, without its full stop. */
  readonly help: string;
}

const STAGES: readonly Role[] = ['mapper', 'saver'];
const ALL: readonly Role[] = ['fetcher', 'mapper', 'saver'];
const FETCHER: readonly Role[] = ['fetcher'];

/** What counts. */
export type CounterName =
  | 'chunks'
  | 'records'
  | 'redeliveries'
  | 'retries'
  | 'recovered'
  | 'deadLetters'
  | 'natsReconnects'
  | 'messagesRefused';

/** What rises and falls. */
export type GaugeName =
  | 'chunksInFlight'
  | 'queueMessages'
  | 'queueOldest'
  | 'receiptsUnread'
  | 'runsOpen'
  | 'leaseHeld'
  | 'runFence'
  | 'runPaused'
  | 'runChunks'
  | 'runRecords'
  | 'runProgress'
  | 'runSettled'
  | 'windowChunks'
  | 'natsUp';

/** What is spread over buckets. */
export type HistogramName = 'chunkDuration';

/** Every metric of Leat's own; `docs/metrics.md` is made from it. */
export const METRICS: Readonly<
  Record<CounterName, MetricRow<'counter'>> &
    Record<GaugeName, MetricRow<'gauge'>> &
    Record<HistogramName, MetricRow<'histogram'>>
> = {
  chunks: {
    name: 'leat_chunks_total',
    type: 'counter',
    labels: ['stage', 'outcome'],
    roles: STAGES,
    help: 'Chunks that a stage has left: done, given-back (they come again) or dropped (not written by Leat, or cancelled)',
  },
  records: {
    name: 'leat_records_total',
    type: 'counter',
    labels: ['stage', 'outcome'],
    roles: STAGES,
    help: 'Records of chunks that are done: out (passed on, or newly saved) or filtered; work done twice counts twice',
  },
  chunkDuration: {
    name: 'leat_chunk_duration_seconds',
    type: 'histogram',
    labels: ['stage'],
    roles: STAGES,
    help: 'How long a chunk that is done was in hand, from its arrival to its acknowledgement, waiting for its turn included',
  },
  chunksInFlight: {
    name: 'leat_chunks_in_flight',
    type: 'gauge',
    labels: ['stage'],
    roles: STAGES,
    help: 'Chunks in hand',
  },
  redeliveries: {
    name: 'leat_redeliveries_total',
    type: 'counter',
    labels: ['stage'],
    roles: STAGES,
    help: 'Chunks that came again, because a replica died over them or gave them back',
  },
  retries: {
    name: 'leat_retries_total',
    type: 'counter',
    labels: ['stage'],
    roles: ['mapper'],
    help: 'Further attempts at a record after a failure',
  },
  recovered: {
    name: 'leat_recovered_total',
    type: 'counter',
    labels: ['stage'],
    roles: ['mapper'],
    help: 'Records that would have been given up, and have a result of the recover of their stage; work done twice counts twice',
  },
  deadLetters: {
    name: 'leat_dead_letters_total',
    type: 'counter',
    labels: ['stage'],
    roles: ALL,
    help: 'Dead letters stored; a chunk that is worked on twice may store its letters twice, of which one counts',
  },
  queueMessages: {
    name: 'leat_queue_messages',
    type: 'gauge',
    labels: ['stage', 'state'],
    roles: STAGES,
    help: 'Chunks on the queue of a stage: waiting, pending (a replica has them), redelivered (of these, those that came again)',
  },
  queueOldest: {
    name: 'leat_queue_oldest_timestamp_seconds',
    type: 'gauge',
    labels: ['stage'],
    roles: STAGES,
    help: 'When the oldest chunk on the queue in front of a stage was stored; absent while the queue is empty',
  },
  receiptsUnread: {
    name: 'leat_receipts_unread',
    type: 'gauge',
    labels: [],
    roles: FETCHER,
    help: 'Messages of receipts, of all runs, that no checkpoint has yet',
  },
  runsOpen: {
    name: 'leat_runs_open',
    type: 'gauge',
    labels: [],
    roles: ALL,
    help: 'Runs that are pending, running or paused',
  },
  leaseHeld: {
    name: 'leat_lease_held',
    type: 'gauge',
    labels: [],
    roles: FETCHER,
    help: 'Whether this fetcher conducts a run: 1 or 0',
  },
  runFence: {
    name: 'leat_run_fence',
    type: 'gauge',
    labels: [],
    roles: FETCHER,
    help: 'The fencing token of the run in hand; it rises with each takeover',
  },
  runPaused: {
    name: 'leat_run_paused',
    type: 'gauge',
    labels: [],
    roles: FETCHER,
    help: 'Whether the run in hand rests: 1 or 0',
  },
  runChunks: {
    name: 'leat_run_chunks',
    type: 'gauge',
    labels: ['state'],
    roles: FETCHER,
    help: 'Chunks of the run in hand: saved, dead or in-flight',
  },
  runRecords: {
    name: 'leat_run_records',
    type: 'gauge',
    labels: ['state'],
    roles: FETCHER,
    help: 'Records of the run in hand whose chunks are settled: in, expanded, saved, filtered or dead',
  },
  runProgress: {
    name: 'leat_run_progress_ratio',
    type: 'gauge',
    labels: [],
    roles: FETCHER,
    help: 'Share of the dataset that is settled, from 0 to 1; absent if the source cannot tell',
  },
  runSettled: {
    name: 'leat_run_settled_timestamp_seconds',
    type: 'gauge',
    labels: [],
    roles: FETCHER,
    help: 'When a chunk of the run in hand was last seen to be settled, or the run taken up or resumed',
  },
  windowChunks: {
    name: 'leat_window_chunks',
    type: 'gauge',
    labels: [],
    roles: FETCHER,
    help: 'How many chunks of the run in hand may be in flight at the moment: the window, which sizes itself',
  },
  natsUp: {
    name: 'leat_nats_up',
    type: 'gauge',
    labels: [],
    roles: ALL,
    help: 'Whether the connection to NATS stands: 1 or 0',
  },
  natsReconnects: {
    name: 'leat_nats_reconnects_total',
    type: 'counter',
    labels: [],
    roles: ALL,
    help: 'How often the connection to NATS came back',
  },
  messagesRefused: {
    name: 'leat_messages_refused_total',
    type: 'counter',
    labels: [],
    roles: ALL,
    help: 'Messages and entries that were refused, because they were not signed or with another key',
  },
};
