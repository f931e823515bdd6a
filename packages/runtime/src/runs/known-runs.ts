import { isEnded, isNewerVersion, isResumable, LeatError, type SinkIdentity } from '@leat/core';
import type { Delivery } from '../chunks/delivery.ts';
import { wait } from '../wait.ts';
import { type Entry, type KnownRun, type LoadOptions, loadRun } from './known-run.ts';
import type { SaidWish } from './run-wishes.ts';
import { SinkGone } from './sink-gone.ts';
import { tellAgainIfLost } from './tell-again.ts';
import { TroubleTeller } from './trouble-teller.ts';

/** How many runs a service remembers; it has to do with very few at a time. */
const MAX_RUNS = 100;
/** How often it is looked what the operator wants: a wish takes hold within a second. */
const LOOK_MS = 500;
/** The fence stands in the run's progress, which may be a megabyte: it is read every so many looks. */
const LOOKS_PER_FENCE = 10;
/** How long a chunk is left on its queue that this replica may not work on. */
const REST_DELAY_MS = 2_000;
/** A chunk of a run that nobody knows is given back this often before it is dropped. */
const MAX_UNKNOWN_DELIVERIES = 20;
const UNKNOWN_DELAY_MS = 2_000;

/**
 * The runs whose chunks a mapper or saver meets: whether its pipeline file fits them, and what their
 * operators want of them.
 */
export class KnownRuns {
  readonly #options: LoadOptions;
  readonly #troubles: TroubleTeller;
  readonly #known = new Map<string, Promise<Entry | undefined>>();
  readonly #closed = new AbortController();

  constructor(options: LoadOptions) {
    this.#options = options;
    const { runs, stage, logger } = options;
    this.#troubles = new TroubleTeller(runs.notes, stage, logger);
    void this.#watch(this.#closed.signal);
  }

  /**
   * The run of a chunk, if it may be worked on now. Otherwise the chunk is settled here: one of a run that is
   * paused, or that is not worked on here, is parked until its operator says something else; one that does not fit the
   * pipeline file is left for others; one of a cancelled run is dropped; and one of an unknown run is tried for a while, since its entry may be
   * on its way back. One of a run that only a newer version of Leat can read is left to it.
   */
  async admit(delivery: Delivery): Promise<KnownRun | undefined> {
    const { run, born } = delivery.envelope;
    let entry: Entry | undefined;
    try {
      entry = await this.#findBorn(run, born);
    } catch (error) {
      if (!isNewerVersion(error)) throw error;
      this.#troubles.tell(run, error.message);
      delivery.giveBack(REST_DELAY_MS);
      return undefined;
    }
    if (entry === undefined) {
      if (delivery.deliveries < MAX_UNKNOWN_DELIVERIES) {
        delivery.giveBack(UNKNOWN_DELAY_MS);
      } else {
        this.#options.logger.error({ run, born }, 'chunk of an unknown run dropped');
        delivery.drop('unknown run');
      }
      return undefined;
    }
    const { said, unfit, info, saidElse } = entry;
    const { wish } = said;
    if (wish === 'cancel') {
      delivery.drop('the run was cancelled');
      return undefined;
    }
    const { only = run, isInline } = this.#options;
    if ((wish === 'pause' || only !== run) && isInline !== true) {
      delivery.park(saidElse.signal);
      return undefined;
    }
    if (info !== undefined) return entry as KnownRun;
    if (unfit !== undefined) this.#troubles.tell(run, unfit.message);
    delivery.giveBack(REST_DELAY_MS);
    return undefined;
  }

  /**
   * Tells operators why the stage cannot work on a run at the moment. It is looked up anew with its next
   * chunk: what they do about it may be to recover it.
   */
  tellTrouble(run: string, reason: string): void {
    this.#troubles.tell(run, reason);
    this.#forget(run);
  }

  /**
   * Notes for operators what the stage waits for; the caller has logged it.
   *
   * @param fence one that a sink has, and the run's fetcher has to rise above
   */
  noteWait(run: string, reason: string, fence?: number): void {
    this.#troubles.note(run, reason, fence);
  }

  /**
   * Says into which sink this replica writes a run. The first saver of a name decides for all of them.
   *
   * @throws LeatError `sink-taken` if others write into another one; `SinkGone` if it is at the same place
   */
  async claimSink(run: string, sink: SinkIdentity): Promise<void> {
    const { runs, stage } = this.#options;
    const progress = (await runs.progress(run))?.progress;
    if (progress === undefined)
      throw new Error(`The broker has no progress of the run ${run} yet.`);
    const counts = progress.sinks?.[stage] ?? (await runs.notes.claimSink(run, stage, sink));
    if (counts.mark === sink.mark) return;
    if (counts.place === sink.place) throw new SinkGone(stage, run, counts.place);
    throw new LeatError(
      'sink-taken',
      `The saver ${stage} writes the run ${run} into ${counts.place}, and this replica would write into ${sink.place}: give all replicas of the saver one sink.`,
    );
  }

  /** Reads a run's fence anew, and gives it; a run that has ended for good is forgotten. */
  async lookAtFence(run: string): Promise<number> {
    const entry = await this.#find(run);
    if (entry === undefined) return 0;
    const progress = (await this.#options.runs.progress(run))?.progress;
    // What comes late, or from a bucket that was wiped, does not lower it.
    entry.fence = Math.max(entry.fence, progress?.fence ?? 0);
    entry.sink = progress?.sinks?.[this.#options.stage] ?? entry.sink;
    if (progress !== undefined) entry.isOpen = !isEnded(progress.state);
    // Should a chunk of it come all the same (of a redrive, say), it is looked up again.
    if (progress !== undefined && !isResumable(progress.state)) this.#forget(run);
    return entry.fence;
  }

  /** Looks no more, and gives back what is parked. */
  close(): void {
    this.#closed.abort();
    for (const run of this.#known.keys()) this.#forget(run);
  }

  /** The run of a chunk; not another one with its id, as one may be that was begun before or since. */
  async #findBorn(run: string, born: string | undefined): Promise<Entry | undefined> {
    const entry = await this.#find(run);
    if (entry === undefined || born === undefined || entry.identity.born === born) return entry;
    const present = (await this.#options.runs.get(run))?.born;
    // The chunk may be what an earlier run has left; the one who works on the present one keeps its entry.
    if (present !== born) return undefined;
    this.#forget(run);
    return this.#find(run);
  }

  #find(run: string): Promise<Entry | undefined> {
    let entry = this.#known.get(run);
    if (entry === undefined) {
      entry = loadRun(run, this.#options);
      this.#known.set(run, entry);
      const forget = (): void => void this.#known.delete(run);
      entry.then((found) => found ?? forget(), forget);
      const [oldest] = this.#known.keys();
      if (this.#known.size > MAX_RUNS && oldest !== undefined) this.#forget(oldest);
    }
    return entry;
  }

  #forget(run: string): void {
    const known = this.#known.get(run);
    this.#known.delete(run);
    known?.then(
      (entry) => entry?.saidElse.abort(),
      () => undefined,
    );
  }

  /** Looks now and then, and never before the last look is over. */
  async #watch(signal: AbortSignal): Promise<void> {
    for (let looks = 1; ; looks++) {
      await wait(LOOK_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.#look(looks % LOOKS_PER_FENCE === 0);
    }
  }

  async #look(isFenceDue: boolean): Promise<void> {
    for (const [run, known] of this.#known) {
      try {
        const entry = await known;
        if (entry === undefined) continue;
        const said = await this.#options.runs.wishes.look(run);
        if (isFenceDue) await tellAgainIfLost(entry, this.#options);
        if (!(await this.#isLost(run, entry, said))) this.#hear(run, entry, said);
        if (isFenceDue) await this.lookAtFence(run);
      } catch (error) {
        // Whether it may be worked on is looked up with its next chunk.
        if (isNewerVersion(error)) this.#forget(run);
        this.#options.logger.debug({ err: error, run }, 'wish or fence not read');
      }
    }
  }

  /** Whether the broker has lost the run: what was said before is not taken back by that. */
  async #isLost(run: string, entry: Entry, said: SaidWish): Promise<boolean> {
    if (entry.misses > 0) return true;
    const isGone = said.revision === 0 && entry.said.revision !== 0;
    return isGone && (await this.#options.runs.get(run)) === undefined;
  }

  /** Takes what the operator says: what followed from an earlier wish ends with it. */
  #hear(run: string, entry: Entry, said: SaidWish): void {
    if (said.revision !== entry.said.revision) {
      entry.said = said;
      entry.saidElse.abort();
      entry.saidElse = new AbortController();
      // Also if it was lost with the bucket, and the run goes on: it is looked up anew.
      if (entry.cancel.signal.aborted) this.#forget(run);
    }
    if (said.wish !== 'cancel') return;
    entry.cancel.abort(new LeatError('run-state', `The run ${run} was cancelled.`));
  }
}
