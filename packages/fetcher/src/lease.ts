import {
  FIRST_CHECKPOINT,
  isEnded,
  isNewerVersion,
  LEASE_MS,
  LeatError,
  type LedgerCheckpoint,
  mayBeRedriven,
  mayTakeOver,
  nextFence,
  type RunHooks,
  type RunProgress,
  type RunRequest,
  type RunState,
  type SinkIdentity,
} from '@leat/core';
import type { Logger, ProgressEntry, Runs } from '@leat/runtime';
import { isHolderDead } from './holder-id.ts';
import { keepUnknown, type RunCheckpoint, standingOf, witnessedOf } from './run-checkpoint.ts';

/** When this process first saw each run's present revision; what silence is measured by. */
type LastSeen = Map<string, { readonly revision: number; readonly at: number }>;

/** By saver, the sink that it writes into. */
export type Sinks = Readonly<Record<string, SinkIdentity>>;

/** What to begin a run with, and from which sinks that is known. */
export interface FirstLedger {
  readonly ledger: LedgerCheckpoint;
  readonly sinks?: Sinks;
}

export interface ClaimOptions {
  readonly request: RunRequest;
  readonly runs: Runs;
  /** The name of this process. */
  readonly holder: string;
  readonly lastSeen: LastSeen;
  /**
   * The ledger of a run of which nothing was sent yet.
   *
   * @param sinks by saver, those that count, as far as it is known
   * @throws LeatError `sink-taken` if a sink has another run with this id: it is the lease's `refusal`
   */
  readonly firstLedger: (sinks: Sinks) => Promise<FirstLedger>;
  readonly logger: Logger;
}

/**
 * The right to be a run's one active fetcher. Lease and ledger are one entry, written with
 * compare-and-set: a fetcher that slept through its lease finds that it cannot write the ledger.
 */
export class Lease {
  readonly run: string;
  /** Why its sinks refuse the run, which has to end for that reason. */
  readonly refusal: LeatError | undefined;
  readonly #request: RunRequest;
  readonly #runs: Runs;
  readonly #holder: string;
  #revision: number;
  #progress: RunProgress;
  /** The fences that it has had. */
  readonly #fences = new Set<number>();
  /** What became of the run's hooks so far; with each write it is written down. */
  hooks: RunHooks | undefined;
  /** Whether the broker has lost the run, and has not been told of it again. */
  #isForgotten = false;

  private constructor(
    request: RunRequest,
    runs: Runs,
    holder: string,
    revision: number,
    progress: RunProgress,
    refusal: LeatError | undefined,
  ) {
    this.refusal = refusal;
    this.run = request.run;
    this.#request = request;
    this.#runs = runs;
    this.#holder = holder;
    this.#revision = revision;
    this.#progress = progress;
    this.#fences.add(progress.fence);
    this.hooks = progress.hooks;
  }

  /**
   * Takes a run's lease, or says `undefined` because the run has ended or somebody holds it.
   */
  static async claim(options: ClaimOptions): Promise<Lease | undefined> {
    const { request, runs, holder } = options;
    const { run } = request;
    const found = await runs.progress(run);
    if (found !== undefined && !(await mayTakeUp(found, options))) return undefined;
    const first = await ledgerToBeginWith(found?.progress, options);
    const progress = firstProgress(found?.progress, first, holder);
    try {
      const revision = await runs.save(run, progress, found?.revision ?? 0);
      return new Lease(request, runs, holder, revision, progress, first.refusal);
    } catch (error) {
      if (error instanceof LeatError && error.code === 'lease-lost') return undefined;
      throw error;
    }
  }

  get progress(): RunProgress {
    return this.#progress;
  }

  /**
   * Rises with every takeover. It begins with the time in milliseconds, so that it rises also when the
   * broker has forgotten the run, and it begins anew or is told again: sinks remember the highest that they
   * have seen.
   */
  get fence(): number {
    return this.#progress.fence;
  }

  /**
   * Rises above a fence that a sink has, with the next write: the clock of an earlier fetcher was ahead, or the broker
   * remembers an earlier state than the sink.
   */
  riseAbove(fence: number): void {
    if (this.fence > fence) return;
    this.#setFence(nextFence(Date.now(), this.fence, fence));
  }

  /**
   * Writes a checkpoint and renews the lease.
   *
   * @throws LeatError `lease-lost` if another fetcher has taken over
   */
  async save(checkpoint: RunCheckpoint): Promise<void> {
    const { fence, startedAt } = this.#progress;
    const holder = this.#holder;
    await this.#write({ ...checkpoint, fence, startedAt, holder, updatedAt: now() });
  }

  /** Writes a checkpoint for the last time, and the state in which the run ended. */
  async end(checkpoint: RunCheckpoint, state: RunState, reason?: string): Promise<void> {
    const { fence, startedAt } = this.#progress;
    const { ledger } = checkpoint;
    const at = now();
    const why = reason === undefined ? {} : { reason };
    const hooks = this.hooks && { hooks: { ...this.hooks, ends: this.hooks.ends + 1 } };
    const common = { ...why, ...witnessedOf(checkpoint), ...hooks, fence, startedAt, ledger };
    await this.#write({ ...common, state, updatedAt: at, endedAt: at });
  }

  /** Writes a checkpoint and gives the lease back, so that the next replica need not wait. */
  async giveBack(checkpoint: RunCheckpoint): Promise<void> {
    const { fence, startedAt } = this.#progress;
    await this.#write({ ...checkpoint, fence, startedAt, updatedAt: now() });
  }

  #setFence(fence: number): void {
    this.#progress = { ...this.#progress, fence };
    this.#fences.add(fence);
  }

  async #write(wanted: RunProgress): Promise<void> {
    const hooks = this.hooks && { hooks: this.hooks };
    let progress = keepUnknown(this.#progress, { ...hooks, ...wanted });
    try {
      this.#revision = await this.#runs.save(this.run, progress, this.#revision);
    } catch (error) {
      if (!(error instanceof LeatError && error.code === 'lease-lost')) throw error;
      const revision = await this.#ownRevision(error);
      progress = { ...progress, fence: this.fence };
      this.#revision = await this.#runs.save(this.run, progress, revision);
    }
    if (this.#isForgotten) {
      // Not before its progress is there: another fetcher would begin the run anew.
      await this.#runs.restore(this.#request);
      await this.#demandOurs();
      this.#isForgotten = false;
    }
    this.#progress = progress;
  }

  /**
   * The revision to write over after a refusal: it may be our own, of a write whose answer was lost, or
   * the broker may have forgotten all it knew of the run, which is then told again.
   */
  async #ownRevision(refusal: LeatError): Promise<number> {
    const found = await this.#runs.progress(this.run).catch(lostIfNewer);
    if (found === undefined) {
      await this.#demandOurs();
      this.#isForgotten = true;
      // Another fetcher may have had the run in between, of which the broker knows as little.
      const fence = nextFence(Date.now(), this.fence);
      this.#setFence(fence);
      return 0;
    }
    const { holder, fence, startedAt } = found.progress;
    const isOurLife = this.#fences.has(fence) && startedAt === this.#progress.startedAt;
    // Our last write has no holder.
    if (isOurLife && (holder ?? this.#holder) === this.#holder) return found.revision;
    throw refusal;
  }

  /**
   * @throws LeatError `lease-lost` if somebody was quicker to begin the run again that the broker has lost: it is
   *   another one, of which nobody takes the chunks of this one
   */
  async #demandOurs(): Promise<void> {
    const found = await this.#runs.get(this.run).catch(lostIfNewer);
    if (found === undefined || found.born === this.#request.born) return;
    throw new LeatError('lease-lost', `The run ${this.run} was begun again by its id.`);
  }
}

/** What only a newer version of Leat can read was written by its fetcher, which has the run now. */
function lostIfNewer(error: unknown): never {
  if (!isNewerVersion(error)) throw error;
  throw new LeatError('lease-lost', error.message, { cause: error });
}

/** Whether a run that has been worked on is not over, and nobody holds it who may be alive. */
async function mayTakeUp(
  { progress, revision }: ProgressEntry,
  { request: { run }, runs, holder, lastSeen, logger }: ClaimOptions,
): Promise<boolean> {
  const seen = performance.now();
  const { state, holder: owner } = progress;
  const isRedriven = mayBeRedriven(state) && (await runs.redrives.get(run)) !== undefined;
  if (isEnded(state) && !isRedriven) return false;
  const sighting = lastSeen.get(run);
  const seenAt = sighting?.revision === revision ? sighting.at : seen;
  lastSeen.set(run, { revision, at: seenAt });
  const isDead = owner !== undefined && (owner === holder || isHolderDead(owner));
  if (!mayTakeOver({ holder: owner, seenAt, isHolderDead: isDead }, seen, LEASE_MS)) return false;
  if (owner !== undefined) logger.warn({ run, isDead }, 'taking the run over');
  return true;
}

/** The progress of a run under a new holder, whose fence is higher than every one before. */
function firstProgress(
  previous: RunProgress | undefined,
  { ledger, sinks }: FirstLedger,
  holder: string,
): RunProgress {
  const at = now();
  return keepUnknown(previous, {
    ...standingOf(previous),
    ...witnessedOf(previous ?? {}),
    ...(sinks && { sinks: { ...sinks, ...previous?.sinks } }),
    ...(previous?.hooks && { hooks: previous.hooks }),
    holder,
    fence: previous === undefined ? nextFence(Date.now()) : nextFence(Date.now(), previous.fence),
    startedAt: previous?.startedAt ?? at,
    updatedAt: at,
    ledger,
  });
}

/** The ledger that is known, or, while nothing was sent, what the sinks say. */
async function ledgerToBeginWith(
  previous: RunProgress | undefined,
  { firstLedger }: ClaimOptions,
): Promise<FirstLedger & { readonly refusal?: LeatError }> {
  const known = previous?.ledger;
  if (known !== undefined && known.next > 0) return { ledger: known };
  try {
    return await firstLedger(previous?.sinks ?? {});
  } catch (error) {
    if (!(error instanceof LeatError && error.code === 'sink-taken')) throw error;
    return { ledger: FIRST_CHECKPOINT, refusal: error };
  }
}

function now(): string {
  return new Date().toISOString();
}
