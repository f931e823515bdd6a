import { generate } from '@leat/connectors/memory';
import type { Source } from '@leat/sdk';
import { z } from 'zod';

export const Row: z.ZodObject<{ n: z.ZodNumber; k: z.ZodNumber }> = z.object({
  n: z.number(),
  k: z.number(),
});
export type Row = z.infer<typeof Row>;

/** The kinds of record that the first mapper knows, by their number. */
export const isPoison = (n: number): boolean => n % 13 === 4;
const isFiltered = (n: number): boolean => n % 7 === 3;
const isExpanded = (n: number): boolean => n % 5 === 2;

/** What the first mapper makes of a record, if it may make what it likes. */
export function resultsOf({ n, k }: Row): Row[] {
  if (isFiltered(n)) return [];
  return isExpanded(n) ? [0, 1, 2, 3, 4].map((more) => ({ n, k: k + more })) : [{ n, k }];
}

/** The records of a run, which somebody may change. */
export class Dataset {
  readonly records: number;
  readonly chunkSize: number;
  /** How often it was changed. */
  edition = 0;
  readonly #expands: boolean;
  readonly #isDead: (n: number) => boolean;

  /** @param isDead whether a record becomes a dead letter */
  constructor(
    { records, chunkSize }: Pick<Dataset, 'records' | 'chunkSize'>,
    expands: boolean,
    isDead: (n: number) => boolean,
  ) {
    this.records = records;
    this.chunkSize = chunkSize;
    this.#expands = expands;
    this.#isDead = isDead;
  }

  /** How many chunks the run makes of it. */
  get chunks(): number {
    return Math.ceil(this.records / this.chunkSize);
  }

  get dead(): number[] {
    return this.#numbers().filter(this.#isDead);
  }

  get filtered(): number {
    if (!this.#expands) return 0;
    return this.#numbers().filter((n) => isFiltered(n) && !this.#isDead(n)).length;
  }

  source(): Source<Row> {
    return generate(this.records, (n) => rowOf(n, this.edition));
  }

  /** The lines that every saver must hold of a chunk. */
  linesOf(seq: number, edition: number = this.edition): string[] {
    return this.#numbers()
      .slice(seq * this.chunkSize, (seq + 1) * this.chunkSize)
      .filter((n) => !this.#isDead(n))
      .map((n) => rowOf(n, edition))
      .flatMap((row) => (this.#expands ? resultsOf(row) : [row]))
      .map((row) => JSON.stringify(row));
  }

  /** The lines that every saver must hold. */
  lines(edition: number = this.edition): string[] {
    return Array.from({ length: this.chunks }, (_, seq) => this.linesOf(seq, edition)).flat();
  }

  #numbers(): number[] {
    return Array.from({ length: this.records }, (_, n) => n);
  }
}

function rowOf(n: number, edition: number): Row {
  return { n, k: 100 * edition };
}
