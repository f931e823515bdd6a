import {
  bucketName,
  isEnded,
  isNewerVersion,
  isResumable,
  LeatError,
  mayBeRedriven,
  type RunProgress,
  type RunRequest,
} from '@leat/core';
import { jetstream, type JetStreamClient } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '@leat/sdk';
import type { Signing } from '../signing/signing.ts';
import { openBucket } from './bucket.ts';
import { isKeyMissing, keyMissing } from './demand-key.ts';
import { EntryStore, isWrongRevision } from './entry-store.ts';
import { isTooLarge, tooLarge } from './ledger-size.ts';
import { RedriveWishes } from './redrive-wishes.ts';
import { RunNotes } from './run-notes.ts';
import { RunWishes } from './run-wishes.ts';
import { isRunProgress, isRunRequest, progressOf, storedProgress } from './run-entries.ts';

/** A run's progress, and the revision that a compare-and-set names. */
export interface ProgressEntry {
  readonly progress: RunProgress;
  readonly revision: number;
  /** When it was written, by the server's clock in milliseconds since 1970. */
  readonly writtenAt?: number;
}

/** What runs are read and written with. */
export interface RunsOptions {
  readonly signing: Signing | undefined;
  readonly logger?: Logger | undefined;
}

/**
 * The runs of one pipeline in its key-value bucket: `run.<id>` holds what was asked and is written once;
 * `progress.<id>` is the run's lease and ledger in one entry, so that the one who loses the lease cannot
 * write the ledger either. The other entries are {@link notes}, {@link wishes} and {@link redrives}.
 */
export class Runs {
  /** What the replicas of all stages note about runs. */
  readonly notes: RunNotes;
  /** What the operator wants of runs. */
  readonly wishes: RunWishes;
  /** Which dead letters of runs are to be tried again. */
  readonly redrives: RedriveWishes;
  readonly #entries: EntryStore;
  /** Runs that can never be worked on again, as long as the bucket is the same. */
  readonly #over = new Set<string>();
  /** When the bucket was made. */
  #madeAt = '';

  private constructor(entries: EntryStore) {
    this.notes = new RunNotes(entries);
    this.wishes = new RunWishes(entries);
    this.redrives = new RedriveWishes(entries);
    this.#entries = entries;
  }

  /**
   * @param options.signing see `Signing`; without it, all entries are believed
   * @param options.logger told of entries that Leat did not write; they are taken for absent
   * @throws LeatError `topology-mismatch` if a stream that is no bucket stands in its place
   */
  static async open(
    client: JetStreamClient,
    bucket: string,
    replicas: number,
    options: RunsOptions,
  ): Promise<Runs> {
    const kv = await openBucket(client, bucket, replicas);
    const { streamInfo } = await kv.status();
    const { name, subjects } = streamInfo.config;
    if (!subjects.includes(`$KV.${bucket}.>`)) {
      throw new LeatError(
        'topology-mismatch',
        `The stream ${name} has subjects ${JSON.stringify(subjects)}, and Leat needs it as the key-value bucket ${bucket}: delete it.`,
      );
    }
    const manager = await client.jetstreamManager(false);
    return new Runs(new EntryStore({ bucket, client, manager, ...options }));
  }

  /**
   * The runs of every pipeline on a server.
   *
   * @param options.pipeline only those of this one
   */
  static async openAll(
    connection: NatsConnection,
    { pipeline, signing }: { readonly pipeline?: string | undefined } & RunsOptions,
  ): Promise<Runs[]> {
    const client = jetstream(connection);
    const manager = await client.jetstreamManager(false);
    const prefix = bucketName('');
    const all: Runs[] = [];
    // Names, since a list leaves out what does not answer: a bucket without a leader has runs.
    for await (const name of manager.streams.names()) {
      if (!name.startsWith(`KV_${prefix}`)) continue;
      const bucket = name.slice('KV_'.length);
      if (pipeline !== undefined && bucket !== bucketName(pipeline)) continue;
      await new Kvm(client).open(bucket);
      all.push(new Runs(new EntryStore({ bucket, client, manager, signing })));
    }
    return all;
  }

  /** @throws LeatError `run-exists` */
  async create(request: RunRequest): Promise<void> {
    try {
      await this.#entries.create(`run.${request.run}`, request, isRunRequest);
    } catch (error) {
      if (!isWrongRevision(error)) throw error;
      throw new LeatError(
        'run-exists',
        `There is a run ${request.run} already: choose another id.`,
        { cause: error },
      );
    }
  }

  /** Writes down again what a run was asked to do, if the broker has forgotten it. */
  async restore(request: RunRequest): Promise<void> {
    await this.create(request).catch((error: unknown) => {
      if (!(error instanceof LeatError && error.code === 'run-exists')) throw error;
    });
  }

  /** Removes what was noted beside a run that has ended. If it is taken up again one day, it shall not be paused. */
  async forget(run: string): Promise<void> {
    await this.notes.remove(run);
    await this.wishes.change(run, 'pause', 'run');
  }

  /** Writes down anew what a run was asked to do. */
  async replace(request: RunRequest): Promise<void> {
    await this.#entries.put(`run.${request.run}`, request);
  }

  /** @throws LeatError `newer-version`, as all that follow */
  async get(run: string): Promise<RunRequest | undefined> {
    const request = (await this.#entries.get(`run.${run}`, isRunRequest))?.value;
    return request?.run === run ? request : undefined;
  }

  /** The bucket's name. */
  get bucket(): string {
    return this.#entries.bucket;
  }

  /**
   * Every run, oldest first, one read for each: a caller that has enough may stop. Those that only a newer
   * version of Leat can read are left out.
   *
   * @param after the id of a run; only those that come after it
   * @param onNewer told of each that is left out
   * @throws LeatError `run-unknown` if `after` is not known
   */
  async *inOrder(after?: string, onNewer?: OnNewer): AsyncGenerator<RunRequest> {
    let from = 0;
    if (after !== undefined) {
      const entry = await this.#entries.get(`run.${after}`, isRunRequest);
      if (entry === undefined) {
        throw new LeatError('run-unknown', `There is no run ${after} to begin after.`);
      }
      from = entry.revision + 1;
    }
    const tell = (key: string, error: LeatError): void =>
      onNewer?.(key.slice('run.'.length), error);
    for await (const { key, value } of this.#entries.inOrder('run.*', from, isRunRequest, tell)) {
      if (key === `run.${value.run}`) yield value;
    }
  }

  /** Whether there were runs and nothing is known of them any more: they were removed, or the store was damaged. */
  areForgotten(): Promise<boolean> {
    return this.#entries.isEmptied();
  }

  /**
   * Every run, oldest first.
   *
   * @param onNewer told of a run that only a newer version of Leat can read; it is left out
   */
  async list(onNewer?: OnNewer): Promise<RunRequest[]> {
    const requests: RunRequest[] = [];
    for (const run of await this.#ids('run')) {
      const request = await unlessNewer(run, () => this.get(run), onNewer);
      if (request !== undefined) requests.push(request);
    }
    return requests.toSorted(byAge);
  }

  /**
   * The runs that have not ended or whose dead letters are to be tried again, oldest first. Those that have
   * ended for good are looked at once.
   *
   * @param onNewer told of a run that only a newer version of Leat can work on; it is left out
   */
  async listOpen(onNewer?: OnNewer): Promise<RunRequest[]> {
    const open: RunRequest[] = [];
    const redriven = new Set(await this.#ids('redrive'));
    for (const run of await this.#ids('run')) {
      if (this.#over.has(run) && !redriven.has(run)) continue;
      if (this.#entries.wasRefused(`run.${run}`)) continue;
      const look = (): Promise<RunRequest | undefined> => this.#ifOpen(run, redriven.has(run));
      const request = await unlessNewer(run, look, onNewer);
      if (request !== undefined) open.push(request);
    }
    return open.toSorted(byAge);
  }

  /** @throws LeatError `newer-version` if anything about it is, or `invalid-configuration` if only others may sign it */
  async #ifOpen(run: string, isRedriven: boolean): Promise<RunRequest | undefined> {
    const state = (await this.progress(run))?.progress.state ?? 'pending';
    const isAsked = isRedriven && (await this.redrives.get(run)) !== undefined;
    if (isEnded(state) && !(isAsked && mayBeRedriven(state))) {
      if (!isResumable(state)) this.#over.add(run);
      return undefined;
    }
    await this.wishes.get(run);
    const entry = await this.#entries.get(`run.${run}`, isRunRequest);
    const refusal = keyMissing(this.#entries, run, entry);
    if (refusal !== undefined) throw refusal;
    return entry?.value.run === run ? entry.value : undefined;
  }

  async progress(run: string): Promise<ProgressEntry | undefined> {
    const entry = await this.#entries.get(`progress.${run}`, isRunProgress);
    if (entry === undefined) return undefined;
    const { value, revision, writtenAt } = entry;
    return { progress: progressOf(value), revision, writtenAt };
  }

  /** How long ago a run's fetcher wrote its progress, in milliseconds by the server's clock; not at all without one. */
  async silenceOf({ progress, writtenAt }: ProgressEntry): Promise<number> {
    if (progress.holder === undefined || writtenAt === undefined) return Number.POSITIVE_INFINITY;
    return (await this.#entries.serverNow()) - writtenAt;
  }

  /**
   * Writes progress if nobody has written since `revision` (0: if there is none).
   *
   * @returns the new revision
   * @throws LeatError `lease-lost` if somebody has, `run-failed` if it is larger than a message may be
   */
  async save(run: string, progress: RunProgress, revision: number): Promise<number> {
    try {
      return await this.#entries.update(
        `progress.${run}`,
        storedProgress(progress),
        revision,
        isRunProgress,
      );
    } catch (error) {
      if (isTooLarge(error)) throw tooLarge(run, progress, error);
      if (!isWrongRevision(error)) throw error;
      throw new LeatError('lease-lost', `Another fetcher has taken over the run ${run}.`, {
        cause: error,
      });
    }
  }

  /** The runs that have an entry of a kind. */
  async #ids(kind: 'run' | 'redrive'): Promise<string[]> {
    const { keys, madeAt } = await this.#entries.keysAfter(`${kind}.`, '*');
    // In a bucket that was lost and made anew, a run may have been begun again that had ended.
    if (madeAt !== this.#madeAt) this.#over.clear();
    this.#madeAt = madeAt;
    return keys;
  }
}

/** Told of a run that is left alone, and why. */
export type OnNewer = (run: string, error: LeatError) => void;

async function unlessNewer<T>(
  run: string,
  look: () => Promise<T | undefined>,
  onNewer: OnNewer | undefined,
): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (!isNewerVersion(error) && !isKeyMissing(error)) throw error;
    onNewer?.(run, error);
    return undefined;
  }
}

function byAge(a: RunRequest, b: RunRequest): number {
  return a.createdAt.localeCompare(b.createdAt);
}
