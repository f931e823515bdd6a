import { generate } from '@leat/connectors/memory';
import type { Source } from '@leat/sdk';
import { z } from 'zod';

export const Row = z.object({ n: z.number(), k: z.number() });
export type Row = z.infer<typeof Row>;

/** The kinds of record that the first mapper knows, by their number. */
export const isPoison = (n: number): boolean => n % 13 === 4;
/** Those that may fail at one execution, and live at the next. */
export const isWavering = (n: number): boolean => n % 9 === 1;
const isFiltered = (n: number): boolean => n % 7 === 3;
const isExpanded = (n: number): boolean => n % 5 === 2;

/** What the first mapper makes of a record, if it may make what it likes. */
export function resultsOf({ n, k }: Row): Row[] {
  if (isFiltered(n)) return [];
  return isExpanded(n) ? [0, 1, 2, 3, 4].map((more) => ({ n, k: k + more })) : [{ n, k }];
}

/** What the first mapper adds to a record: a field that it has, a new one, or nothing. */
export const Added = z.object({ k: z.number().optional(), seen: z.boolean().optional() });

export function addedTo({ n, k }: Row): z.infer<typeof Added> {
  return [{}, { k: k + 1 }, { seen: true }][n % 3] ?? {};
}

/** The dataset, and what it is when somebody has changed it. Some rows have a key that their schema takes out. */
export function rows(count: number): readonly Source<Row>[] {
  return [0, 1].map((edition) =>
    generate(count, (n) => ({ n, k: 100 * edition, ...(n % 4 === 1 && { more: 'x' }) })),
  );
}
