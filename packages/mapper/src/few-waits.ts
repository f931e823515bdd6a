import type { OnWait } from './job.ts';
import type { Pace } from './pace.ts';

/**
 * Whether few records of a chunk, at most half of them, wait to be tried again: then the chunk keeps no slot from
 * others meanwhile. Where most of them fail, what all of them need may be away, and more chunks would only fail too.
 */
export class FewWaits {
  readonly #pace: Pick<Pace, 'waits' | 'waited'>;
  readonly #records: number;
  readonly #positions = new Set<string>();
  #counts = false;

  constructor(pace: Pick<Pace, 'waits' | 'waited'>, records: number) {
    this.#pace = pace;
    this.#records = records;
  }

  /** Hears of each wait of the chunk's records. */
  readonly onWait: OnWait = (position, wait) => {
    if (wait === undefined) this.#positions.delete(position);
    else if (wait.isCalled !== true) this.#positions.add(position);
    this.#set(this.#positions.size > 0 && this.#positions.size * 2 <= this.#records);
  };

  /** The chunk is not worked on any more. */
  end(): void {
    this.#set(false);
  }

  #set(counts: boolean): void {
    if (counts === this.#counts) return;
    this.#counts = counts;
    if (counts) this.#pace.waits();
    else this.#pace.waited();
  }
}

/**
 * Works on a chunk of which few records may wait to be tried again.
 *
 * @param pace absent where chunks do not share what works on them, as in threads
 * @param tell hears of each wait, too
 */
export async function whileFewWait<T>(
  pace: Pick<Pace, 'waits' | 'waited'> | undefined,
  records: number,
  tell: OnWait,
  work: (onWait: OnWait) => Promise<T>,
): Promise<T> {
  if (pace === undefined) return work(tell);
  const few = new FewWaits(pace, records);
  try {
    return await work((position, wait) => {
      tell(position, wait);
      few.onWait(position, wait);
    });
  } finally {
    few.end();
  }
}
