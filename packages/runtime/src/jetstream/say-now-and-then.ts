/** How often one sentence is said while it lasts. */
const EVERY_MS = 60_000;
/** How many sentences are remembered. */
const MOST = 100;

/** Keeps what lasts from filling a log: each sentence is due once a minute. */
export class SayNowAndThen {
  /** By sentence, when it was said last, by `performance.now()`. */
  readonly #said = new Map<string, number>();

  isDue(sentence: string): boolean {
    const now = performance.now();
    const at = this.#said.get(sentence);
    if (at !== undefined && now - at < EVERY_MS) return false;
    this.#said.delete(sentence);
    this.#said.set(sentence, now);
    const [oldest] = this.#said.keys();
    if (this.#said.size > MOST && oldest !== undefined) this.#said.delete(oldest);
    return true;
  }
}
