/**
 * The id of a dataset record within a run: `<run>/<root>/<number>`. The root is the position of its chunk in the
 * dataset, the number that of the record in its source. It is the same in every stage, in every execution, and when
 * the record is redriven; what a `flatMap` made of the record shares it.
 *
 * @param chunk the chunk id, whose beginning is the root
 * @param number the record's, as its position says it: the 42 of `line 42 of cities.ndjson`
 */
export function requestId(run: string, chunk: string, number: number): string {
  return `${run}/${rootOf(chunk)}/${number}`;
}

/** The position in the dataset of the chunk that a chunk comes from, by its id. */
export function rootOf(chunk: string): number {
  return Number.parseInt(chunk, 10);
}
