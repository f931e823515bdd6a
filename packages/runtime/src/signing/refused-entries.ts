import type { StoredMsg } from '@nats-io/jetstream';
import { partsOf } from './signature.ts';
import type { Signing } from './signing.ts';

/** For how long it is noted beside a run that its entry is refused: later, it is an old run that nobody waits for. */
const TELL_MS = 3_600_000;
/** After this time an entry that was refused is looked at again. */
const LOOK_AGAIN_MS = 10_000;

/**
 * The entries of a bucket that are not believed. They stay where they are, and are read again and again: each is
 * counted and logged once.
 */
export class RefusedEntries {
  readonly #signing: Signing | undefined;
  /** By its key, the revision of an entry, and when it was looked at last. */
  readonly #seen = new Map<string, { readonly revision: number; readonly at: number }>();

  constructor(signing: Signing | undefined) {
    this.#signing = signing;
  }

  /** Whether an entry is not believed. */
  has(key: string, entry: StoredMsg): boolean {
    const signing = this.#signing;
    if (signing === undefined) return false;
    const message = partsOf(entry);
    if (signing.believes(message)) {
      this.#seen.delete(key);
      return false;
    }
    const isKnown = this.#seen.get(key)?.revision === entry.seq;
    this.#seen.set(key, { revision: entry.seq, at: performance.now() });
    const isYoung = Date.now() - entry.time.getTime() < TELL_MS;
    signing.refuse(message, { isKnown, isTold: isYoung });
    return true;
  }

  /** Whether an entry was refused so lately that it need not be read. */
  hadLately(key: string): boolean {
    const seen = this.#seen.get(key);
    return seen !== undefined && performance.now() - seen.at < LOOK_AGAIN_MS;
  }
}
