import { setMaxListeners } from 'node:events';

/** Most messages that a process parks at a time: six queues of the default size. The holder has room for more. */
const MAX_PARKED = 12_288;
/** Of how many runs and stages it is known how often their chunks were parked. */
const MAX_QUEUES = 500;

/** A message that is kept from all replicas by its holder, and nothing else of it. */
export interface ParkedMessage {
  /** Stage and run. */
  readonly queue: string;
  readonly giveBack: () => void;
}

/**
 * Messages of runs that wait as a whole, as a paused one does. They are kept from all replicas, and cost neither a
 * slot nor the memory of their bodies, nor a delivery every other second. When the wait is over, they are given back
 * at once, so that all replicas share them.
 */
export class Parking {
  /** By what ends the wait. */
  readonly #lots = new Map<AbortSignal, ParkedMessage[]>();
  /** By stage and run, how often its messages were given back from here: so many deliveries say nothing about them. */
  readonly #returns = new Map<string, number>();
  #count = 0;

  get hasRoom(): boolean {
    return this.#count < MAX_PARKED;
  }

  /** How often each message of a stage and run may have been given back from here. */
  returnsOf(queue: string): number {
    return this.#returns.get(queue) ?? 0;
  }

  /**
   * Parks a message.
   *
   * @param until ends the wait
   */
  park(message: ParkedMessage, until: AbortSignal): void {
    if (until.aborted) {
      message.giveBack();
      return;
    }
    this.#count++;
    const lot = this.#lots.get(until);
    if (lot !== undefined) {
      lot.push(message);
      return;
    }
    this.#lots.set(until, [message]);
    setMaxListeners(0, until);
    until.addEventListener('abort', () => this.#empty(until), { once: true });
  }

  #empty(until: AbortSignal): void {
    const lot = this.#lots.get(until) ?? [];
    this.#lots.delete(until);
    this.#count -= lot.length;
    for (const queue of new Set(lot.map((message) => message.queue))) this.#noteReturn(queue);
    for (const { giveBack } of lot) giveBack();
  }

  #noteReturn(queue: string): void {
    const returns = this.returnsOf(queue) + 1;
    this.#returns.delete(queue);
    this.#returns.set(queue, returns);
    const [oldest] = this.#returns.keys();
    if (this.#returns.size > MAX_QUEUES && oldest !== undefined) this.#returns.delete(oldest);
  }
}
