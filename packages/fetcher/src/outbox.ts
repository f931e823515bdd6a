import { wait } from '@leat/runtime';
import type { RunLife } from './run-life.ts';

/** Publishes on their way to JetStream; beyond a few hundred nothing is gained. */
const MAX_PUBLISHES = 128;
/** How long a stop waits for them. */
const STOP_PUBLISHING_MS = 1_000;

/** What is on its way to JetStream: chunks and redriven records, a bounded number at a time. */
export class Outbox {
  readonly #life: Pick<RunLife, 'bell' | 'fail'>;
  readonly #publishing = new Set<Promise<void>>();

  /**
   * @param life its bell is rung whenever something has arrived; it fails if something can never be stored, or if
   *   the books contradict that it is
   */
  constructor(life: Pick<RunLife, 'bell' | 'fail'>) {
    this.#life = life;
  }

  get isFull(): boolean {
    return this.#publishing.size >= MAX_PUBLISHES;
  }

  /**
   * Takes something that is being sent; to be called when there is room.
   *
   * @param onStored called when JetStream has it
   */
  post(publish: Promise<void>, onStored: () => void): void {
    const posted = publish.then(onStored).catch((error: unknown) => this.#life.fail(error));
    this.#publishing.add(posted);
    void posted.finally(() => {
      this.#publishing.delete(posted);
      this.#life.bell.ring();
    });
  }

  untilRoom(signal: AbortSignal): Promise<void> {
    return this.#life.bell.until(() => !this.isFull, signal);
  }

  /** Waits for what is on its way; what a full queue holds up at a stop is found lost later. */
  async untilEmpty(stop: AbortSignal): Promise<void> {
    const all = Promise.all(this.#publishing);
    await (stop.aborted ? Promise.race([all, wait(STOP_PUBLISHING_MS)]) : all);
  }
}
