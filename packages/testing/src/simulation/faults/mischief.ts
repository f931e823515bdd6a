import type { Mischief } from '../model/model-types.ts';
import type { Random } from '../random.ts';

/** What goes wrong with single messages, at rates that the seed draws; nothing once it is over. */
export class RandomMischief implements Mischief {
  isOver = false;
  readonly #random: Random;
  readonly #ackLoss: number;
  readonly #publishLoss: number;
  readonly #silence: number;
  readonly #delay: number;

  constructor(random: Random) {
    this.#random = random;
    const rate = (): number => random.pick([0, 0, 0.02, 0.15]);
    this.#ackLoss = rate();
    this.#publishLoss = rate();
    this.#silence = rate();
    this.#delay = rate();
  }

  losesAcknowledgement(): boolean {
    return !this.isOver && this.#random.chance(this.#ackLoss);
  }

  publishFate(): 'good' | 'unanswered' | 'lost' {
    if (this.isOver) return 'good';
    if (this.#random.chance(this.#publishLoss)) return 'lost';
    return this.#random.chance(this.#silence) ? 'unanswered' : 'good';
  }

  answerDelayMs(): number {
    return !this.isOver && this.#random.chance(this.#delay) ? this.#random.between(100, 9_000) : 0;
  }
}
