import type { SinkIdentity, Trouble } from '@leat/core';
import type { Shape } from '../shape.ts';
import { type EntryStore, isWrongRevision } from './entry-store.ts';
import { isSinkIdentity, isTrouble } from './run-entries.ts';

/** How long a trouble is shown after it was told last; who has it tells it again and again. */
const TROUBLE_MS = 60_000;

/**
 * What the replicas of all stages note about a run in its pipeline's bucket, for its fetcher and for
 * operators: which versions of code work on it (`code.<run>.<stage>.<version>`), which sink each saver
 * writes into (`sink.<run>.<saver>`), and why a stage cannot work on it (`trouble.<run>.<stage>`). They
 * are removed when the run ends; its progress keeps what counts of them.
 */
export class RunNotes {
  readonly #entries: EntryStore;

  constructor(entries: EntryStore) {
    this.#entries = entries;
  }

  /** Says which version of its code a stage works with. */
  async addVersion(run: string, stage: string, version: string): Promise<void> {
    await this.#createOnce(`code.${run}.${stage}.${version}`, true, isTrue);
  }

  /** By stage, the versions of code that have worked on a run. */
  async versions(run: string): Promise<Record<string, string[]>> {
    const versions: Record<string, string[]> = {};
    for (const key of (await this.#entries.keysAfter(`code.${run}.`, '>')).keys) {
      const [stage = '', version = ''] = key.split('.');
      (versions[stage] ??= []).push(version);
    }
    return versions;
  }

  /** Notes which sink a saver writes into, unless another one is noted. @returns the one that counts */
  async claimSink(run: string, saver: string, sink: SinkIdentity): Promise<SinkIdentity> {
    const key = `sink.${run}.${saver}`;
    if (await this.#createOnce(key, sink, isSinkIdentity)) return sink;
    const found = await this.#entries.get(key, isSinkIdentity);
    if (found !== undefined) return found.value;
    await this.#entries.put(key, sink); // removed meanwhile
    return sink;
  }

  /** By saver, the sink that it writes into. */
  async sinks(run: string): Promise<Record<string, SinkIdentity>> {
    const sinks: Record<string, SinkIdentity> = {};
    for (const saver of (await this.#entries.keysAfter(`sink.${run}.`, '*')).keys) {
      const sink = await this.#entries.find(`sink.${run}.${saver}`, isSinkIdentity);
      if (sink !== undefined) sinks[saver] = sink.value;
    }
    return sinks;
  }

  /** Says why a stage cannot work on a run at the moment. */
  async tellTrouble(run: string, { stage, ...told }: Trouble): Promise<void> {
    await this.#entries.put(`trouble.${run}.${stage}`, told);
  }

  /** What holds a run up, as its stages said within the last minute. */
  async troubles(run: string): Promise<Trouble[]> {
    const troubles: Trouble[] = [];
    for (const stage of (await this.#entries.keysAfter(`trouble.${run}.`, '*')).keys) {
      // A service that has no key, or another one, has to be heard: it says so here.
      const heard = await this.#entries.hear(`trouble.${run}.${stage}`, isTrouble);
      if (heard === undefined || Date.now() - Date.parse(heard.value.at) > TROUBLE_MS) continue;
      const { reason, at, fence } = heard.value;
      const isFence = fence !== undefined && heard.isBelieved;
      troubles.push({ stage, reason, at, ...(isFence && { fence }) });
    }
    return troubles;
  }

  /** The runs that troubles are noted of, in one request for all. */
  async troubledRuns(): Promise<Set<string>> {
    const { keys } = await this.#entries.keysAfter('trouble.', '>');
    return new Set(keys.map((key) => key.split('.')[0] ?? ''));
  }

  /** Removes everything that is noted about a run. */
  async remove(run: string): Promise<void> {
    for (const keys of [`code.${run}.>`, `sink.${run}.*`, `trouble.${run}.*`]) {
      await this.#entries.remove(keys);
    }
  }

  /** @returns whether there was no such entry */
  async #createOnce<T>(key: string, value: T, isOurs: Shape<T>): Promise<boolean> {
    try {
      await this.#entries.create(key, value, isOurs);
      return true;
    } catch (error) {
      if (!isWrongRevision(error)) throw error;
      return false;
    }
  }
}

const isTrue: Shape<true> = (value): value is true => value === true;
