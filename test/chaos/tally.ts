/** How what was found differs from what was expected, each record of which should be there once. */
export interface Tally {
  readonly found: number;
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  /** Records that should not be there at all. */
  readonly strange: readonly string[];
}

/** Counts each record that was found against what was expected. */
export function tally(expected: Iterable<string>, found: Iterable<string>): Tally {
  const missing = new Set(expected);
  const seen = new Set<string>();
  const doubled: string[] = [];
  const strange: string[] = [];
  let count = 0;
  for (const record of found) {
    count++;
    if (seen.has(record)) doubled.push(record);
    else if (!missing.delete(record)) strange.push(record);
    seen.add(record);
  }
  return { found: count, lost: [...missing], doubled, strange };
}

/** What is wrong, a sentence each; nothing if every record is there exactly once. */
export function complaints(where: string, { lost, doubled, strange }: Tally): string[] {
  return Object.entries({ lost, doubled, strange })
    .filter(([, records]) => records.length > 0)
    .map(
      ([what, records]) =>
        `${where}: ${records.length} records ${what}, such as ${records.slice(0, 5).join(' ')}`,
    );
}
