import type { SinkIdentity, Trouble } from '@leat/core';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { KV } from '@nats-io/kv';
import { apiCode } from '../jetstream/provision.ts';
import type { Shape } from '../shape.ts';
import { isSinkIdentity, isTrouble } from './run-entries.ts';

const WRONG_REVISION = 10071;
/** How long a trouble is shown after it was told last; who has it tells it again and again. */
const TROUBLE_MS = 60_000;

/**
 * What the replicas of all stages note about a run in its pipeline's bucket, for its fetcher and for
 * operators: which versions of code work on it (`code.<run>.<stage>.<version>`), which sink each saver
 * writes into (`sink.<run>.<saver>`), and why a stage cannot work on it (`trouble.<run>.<stage>`). They
 * are removed when the run ends; its progress keeps what counts of them.
 */
export class RunNotes {
  readonly #kv: KV;
  readonly #bucket: string;
  readonly #manager: JetStreamManager;

  constructor(kv: KV, bucket: string, manager: JetStreamManager) {
    this.#kv = kv;
    this.#bucket = bucket;
    this.#manager = manager;
  }

  /** Says which version of its code a stage works with. */
  async addVersion(run: string, stage: string, version: string): Promise<void> {
    await this.#create(`code.${run}.${stage}.${version}`, true);
  }

  /** By stage, the versions of code that have worked on a run. */
  async versions(run: string): Promise<Record<string, string[]>> {
    const versions: Record<string, string[]> = {};
    for (const [stage = '', version = ''] of await this.#keys(`code.${run}.`, '>')) {
      (versions[stage] ??= []).push(version);
    }
    return versions;
  }

  /** Notes which sink a saver writes into, unless another one is noted. @returns the one that counts */
  async claimSink(run: string, saver: string, sink: SinkIdentity): Promise<SinkIdentity> {
    const key = `sink.${run}.${saver}`;
    if (await this.#create(key, sink)) return sink;
    const found = await this.#get(key, isSinkIdentity);
    if (found !== undefined) return found;
    await this.#kv.put(key, JSON.stringify(sink)); // not written by Leat
    return sink;
  }

  /** By saver, the sink that it writes into. */
  async sinks(run: string): Promise<Record<string, SinkIdentity>> {
    const sinks: Record<string, SinkIdentity> = {};
    for (const [saver = ''] of await this.#keys(`sink.${run}.`, '*')) {
      const sink = await this.#get(`sink.${run}.${saver}`, isSinkIdentity);
      if (sink !== undefined) sinks[saver] = sink;
    }
    return sinks;
  }

  /** Says why a stage cannot work on a run at the moment. */
  async tellTrouble(run: string, { stage, reason, at }: Trouble): Promise<void> {
    await this.#kv.put(`trouble.${run}.${stage}`, JSON.stringify({ reason, at }));
  }

  /** What holds a run up, as its stages said within the last minute. */
  async troubles(run: string): Promise<Trouble[]> {
    const troubles: Trouble[] = [];
    for (const [stage = ''] of await this.#keys(`trouble.${run}.`, '*')) {
      const trouble = await this.#get(`trouble.${run}.${stage}`, isTrouble);
      if (trouble === undefined || Date.now() - Date.parse(trouble.at) > TROUBLE_MS) continue;
      troubles.push({ stage, reason: trouble.reason, at: trouble.at });
    }
    return troubles;
  }

  /** The runs that troubles are noted of, in one request for all. */
  async troubledRuns(): Promise<Set<string>> {
    return new Set((await this.#keys('trouble.', '>')).map(([run = '']) => run));
  }

  /** Removes everything that is noted about a run. */
  async remove(run: string): Promise<void> {
    for (const filter of [`code.${run}.>`, `sink.${run}.*`, `trouble.${run}.*`]) {
      await this.#manager.streams.purge(`KV_${this.#bucket}`, {
        filter: `$KV.${this.#bucket}.${filter}`,
      });
    }
  }

  /** @returns whether there was no such entry */
  async #create(key: string, value: unknown): Promise<boolean> {
    try {
      await this.#kv.create(key, JSON.stringify(value));
      return true;
    } catch (error) {
      if (apiCode(error) !== WRONG_REVISION) throw error;
      return false;
    }
  }

  async #get<T>(key: string, isOurs: Shape<T>): Promise<T | undefined> {
    const entry = await this.#kv.get(key);
    if (entry === null || entry.operation !== 'PUT') return undefined;
    try {
      const value: unknown = entry.json();
      return isOurs(value) ? value : undefined;
    } catch {
      return undefined;
    }
  }

  /** What stands behind a prefix in the keys, token by token. */
  async #keys(prefix: string, rest: '*' | '>'): Promise<string[][]> {
    const subject = `$KV.${this.#bucket}.${prefix}`;
    const filter = { subjects_filter: `${subject}${rest}` };
    const { state } = await this.#manager.streams.info(`KV_${this.#bucket}`, filter);
    return Object.keys(state.subjects ?? {}).map((key) => key.slice(subject.length).split('.'));
  }
}
