/**
 * Where the records of a chunk come from: for each record its offset from the first position of the
 * root chunk. It stays the same through maps, loses what a filter drops, repeats what a one-to-many
 * stage multiplies; so that a failing record can always name its line in the dataset.
 *
 * On the wire: runs of consecutive offsets as `from-to`, repeats as `offset*times`, separated by commas.
 */
export type Origins = readonly number[];

/** `undefined` when record `n` simply has offset `n`, which needs no word on the wire. */
export function formatOrigins(origins: Origins): string | undefined {
  const parts: string[] = [];
  let plain = true;
  for (let i = 0; i < origins.length;) {
    const from = origins[i] as number;
    plain &&= from === i;
    let end = i + 1;
    if (origins[end] === from) {
      while (origins[end] === from) end++;
      parts.push(`${from}*${end - i}`);
      plain = false;
    } else {
      while (origins[end] === from + (end - i)) end++;
      parts.push(end - i === 1 ? `${from}` : `${from}-${from + (end - i) - 1}`);
    }
    i = end;
  }
  return plain ? undefined : parts.join(',');
}

/**
 * The inverse of {@link formatOrigins}.
 *
 * @param records how many records the chunk holds; a text that says otherwise is refused
 * @returns `undefined` for a text that it cannot have made
 */
export function parseOrigins(text: string, records: number): Origins | undefined {
  const origins: number[] = [];
  for (const part of text.split(',')) {
    const match = /^(\d{1,9})(?:([-*])(\d{1,9}))?$/.exec(part);
    if (match === null) return undefined;
    const from = Number(match[1]);
    const other = Number(match[3]);
    const length = match[2] === '-' ? other - from + 1 : match[2] === '*' ? other : 1;
    if (length < 1 || origins.length + length > records) return undefined;
    for (let i = 0; i < length; i++) origins.push(match[2] === '*' ? from : from + i);
  }
  return origins.length === records ? origins : undefined;
}
