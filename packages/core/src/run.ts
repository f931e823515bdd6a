import { recordsOf } from './counts.ts';
import { FIRST_CHECKPOINT, type LedgerCheckpoint } from './ledger-checkpoint.ts';
import type { ChunkLimits, GivenParams } from './run-identity.ts';
import type { SinkIdentity } from './sink-claim.ts';
import type { PipelineSpec } from './spec.ts';
import type { DeathToll } from './tolerance.ts';

/** The state of a run: words without spaces, as they stand in JSON. The last four are its ends. */
export type RunState =
  | 'pending'
  | 'running'
  | 'paused'
  | 'completed'
  | 'completed-with-dead-letters'
  | 'failed'
  | 'cancelled';

/**
 * What an operator wants of a run, whatever its state: to go on, to rest with everything kept, or to end
 * with what is saved so far. It stands beside the run's progress, which only its fetcher writes.
 */
export type RunWish = 'run' | 'pause' | 'cancel';

/** What a run was asked to do; written once, when it is created. */
export interface RunRequest {
  readonly run: string;
  /** Whether the user chose the id: then the run may have been there before, and sinks may know it. */
  readonly isIdGiven?: boolean;
  readonly pipeline: string;
  /**
   * What the user gave, text if by `--param`: the pipeline's schema is applied by each service that reads it.
   */
  readonly params: GivenParams;
  /** Further ones that nobody shall read: for each the environment variable that has it wherever it is needed. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** The graph at that time; chunk ids are paths through it. */
  readonly spec: PipelineSpec;
  /** The pipeline file that it was started with, to be shown and never loaded: others may write here. */
  readonly file?: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** The birth mark, see `newBirthMark`; absent in runs that an earlier version of Leat began. */
  readonly born?: string;
  /** The limits by which the dataset is cut, whatever the pipeline file says later; absent as `born`. */
  readonly limits?: ChunkLimits;
  /**
   * Whether the operator wants to go on with what the sinks have of a run with this id, which the broker
   * does not know any more.
   */
  readonly isRecovered?: boolean;
}

/** How fast a run goes, and how long it will still take at that pace. */
export interface RunPace {
  /** Records a second that were saved, filtered or given up. */
  readonly recordsPerSecond: number;
  /** Milliseconds to go; `null` if the source does not tell how large the dataset is, or nothing moves. */
  readonly remainingMs: number | null;
}

/** What became of a hook that was called at the end of a run. */
export interface HookOutcome {
  /** `<run>:finally`, and from the run's second end on `<run>:finally:2`: the same in each attempt. */
  readonly id: string;
  readonly name: 'onFailure' | 'finally';
  /** How often it was called. */
  readonly attempts: number;
  /** What it threw last, or why it did not return; absent once it has returned. */
  readonly error?: string;
}

/** What became of the hooks of a run, as it is written down. */
export interface RunHooks {
  /** How many ends of the run have been written: one that failed may go on, and end again. */
  readonly ends: number;
  /** The state of the end that they were called for. */
  readonly state?: RunState;
  /** Those of its last end, or of the one that is under way. */
  readonly ran: readonly HookOutcome[];
}

/** How far a run has come; written with compare-and-set by the one fetcher that holds its lease. */
export interface RunProgress {
  readonly state: RunState;
  /** Why a run failed or paused by itself, or what is not known of one that was cancelled. */
  readonly reason?: string;
  /** What had died when the run was last resumed, and is tolerated. */
  readonly tolerated?: DeathToll;
  /** Who holds the lease; absent when it was given back. */
  readonly holder?: string;
  /** Rises with every takeover, so that a fetcher that slept through its lease can be told apart. */
  readonly fence: number;
  readonly startedAt: string;
  readonly updatedAt: string;
  readonly endedAt?: string;
  /** By saver, the sink that it writes into, as far as it is known. */
  readonly sinks?: Readonly<Record<string, SinkIdentity>>;
  /** By stage, the versions of code that have worked on the run. */
  readonly versions?: Readonly<Record<string, readonly string[]>>;
  /** Its pace of the last ten seconds, as its fetcher sees it. */
  readonly pace?: RunPace;
  /** Absent if its pipeline has no hooks. */
  readonly hooks?: RunHooks;
  readonly ledger: LedgerCheckpoint;
}

/** Why a stage cannot work on a run at the moment, as one of its replicas says. */
export interface Trouble {
  readonly stage: string;
  /** A whole sentence. */
  readonly reason: string;
  /** When it was said last, ISO 8601. */
  readonly at: string;
  /** A fence that a sink has, if it is above the run's: the fetcher has to rise above it. */
  readonly fence?: number;
}

/** The account of a run. `in + expanded = saved + filtered + dead`, once it has ended. */
export interface RunReport {
  readonly run: string;
  readonly pipeline: string;
  readonly state: RunState;
  readonly reason?: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly chunks: {
    /** Chunks of the dataset; those sent so far while `isTotalKnown` is false. */
    readonly total: number;
    readonly isTotalKnown: boolean;
    readonly saved: number;
    readonly dead: number;
    readonly inFlight: number;
  };
  readonly records: {
    readonly in: number;
    readonly expanded: number;
    readonly saved: number;
    readonly filtered: number;
    readonly dead: number;
  };
  readonly retries: number;
  readonly duplicatesIgnored: number;
  /** Share of the dataset that is settled, from 0 to 1, if the source can tell. */
  readonly fraction: number | null;
  readonly digest: string;
  /** By stage, the versions of code that have worked on the run; more than one after a rollout. */
  readonly versions: Readonly<Record<string, readonly string[]>>;
  /** Its pace of the last ten seconds; `null` while it does not run. */
  readonly pace: RunPace | null;
  /** Why stages cannot work on it, if any says so at the moment. */
  readonly troubles: readonly Trouble[];
  /** What became of `onFailure` and `finally`; absent as long as none was called. */
  readonly hooks?: readonly HookOutcome[];
}

const OPEN_STATES: ReadonlySet<RunState> = new Set(['pending', 'running', 'paused']);

export function isEnded(state: RunState): boolean {
  return !OPEN_STATES.has(state);
}

/** Whether a run may be taken up (again): one that was never ended, or one that failed and was mended. */
export function isResumable(state: RunState): boolean {
  return !isEnded(state) || state === 'failed';
}

/** Whether records of a run in this state may be tried again: whether its whole dataset is settled. */
export function mayBeRedriven(state: RunState): boolean {
  return state === 'completed' || state === 'completed-with-dead-letters';
}

/** The id of a hook at the next end of a run: the same whenever it is called there, and another at each end. */
export function hookId(run: string, name: HookOutcome['name'], { ends }: RunHooks): string {
  return ends === 0 ? `${run}:${name}` : `${run}:${name}:${ends + 1}`;
}

/** The state in which a run ends whose ledger is complete. */
export function completedState(ledger: LedgerCheckpoint): RunState {
  return ledger.totals.counts.dead > 0 ? 'completed-with-dead-letters' : 'completed';
}

/** The account of a run from what was asked, how far it has come, and what holds it up. */
export function reportOf(
  request: RunRequest,
  progress: RunProgress | undefined,
  troubles: readonly Trouble[] = [],
): RunReport {
  const { run, pipeline } = request;
  const { state = 'pending', reason, startedAt = null, endedAt = null } = progress ?? {};
  return {
    run,
    pipeline,
    state,
    ...(reason !== undefined && { reason }),
    startedAt,
    endedAt,
    ...accountOf(progress?.ledger ?? NOTHING),
    versions: progress?.versions ?? {},
    pace: (state === 'running' ? progress?.pace : undefined) ?? null,
    troubles,
    ...ranOf(progress),
  };
}

function ranOf(progress: RunProgress | undefined): Pick<RunReport, 'hooks'> {
  return progress?.hooks === undefined ? {} : { hooks: progress.hooks.ran };
}

/** The ledger of a run that no fetcher has taken up yet. */
const NOTHING: LedgerCheckpoint = { ...FIRST_CHECKPOINT, digest: '' };

/** What a ledger says of a run, in numbers. */
function accountOf({
  next,
  ended,
  totals,
  fraction,
  digest,
}: LedgerCheckpoint): Pick<
  RunReport,
  'chunks' | 'records' | 'retries' | 'duplicatesIgnored' | 'fraction' | 'digest'
> {
  const { savedChunks: saved, deadChunks: dead, counts, duplicates } = totals;
  return {
    chunks: { total: next, isTotalKnown: ended, saved, dead, inFlight: next - saved - dead },
    records: {
      in: counts.in,
      expanded: counts.expanded,
      saved: recordsOf(counts),
      filtered: counts.filtered,
      dead: counts.dead,
    },
    retries: counts.retries,
    duplicatesIgnored: duplicates,
    fraction,
    digest,
  };
}
