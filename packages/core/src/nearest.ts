/** More edits than this make another word. */
const MAX_EDITS = 3;

/**
 * The name that was most likely meant by a word that is none of the names, for "did you mean". Upper and
 * lower case are one. A name that begins with the word, or that the word begins with, is near however long
 * the rest is, if the shared part has at least four characters.
 *
 * @returns the first of the nearest, or `undefined` if none is near
 */
export function nearest(word: string, names: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let fewest = MAX_EDITS + 1;
  for (const name of names) {
    const edits = editsBetween(wanted, name.toLowerCase());
    if (edits < fewest) [best, fewest] = [name, edits];
  }
  return best;
}

/**
 * The sentence for a name that there is not: `There is no option "concurency": did you mean concurrency?`, or
 * which names there are.
 *
 * @param what of what it is no name: `option`, `parameter`
 */
export function noSuchName(what: string, word: string, names: readonly string[]): string {
  const meant = nearest(word, names);
  const hint =
    meant === undefined ? `there are ${names.join(', ') || 'none'}.` : `did you mean ${meant}?`;
  return `There is no ${what} ${JSON.stringify(word)}: ${hint}`;
}

/** How many edits make one word of the other; `Infinity` if so many that it is another word. */
function editsBetween(word: string, name: string): number {
  const [short, long] = word.length < name.length ? [word, name] : [name, word];
  if (short.length >= 4 && long.startsWith(short)) {
    return Math.min(long.length - short.length, MAX_EDITS);
  }
  const edits = distance(word, name);
  // Of a short word most of the characters must be right.
  return edits <= MAX_EDITS && edits < long.length / 2 ? edits : Number.POSITIVE_INFINITY;
}

/** Characters inserted, left out, replaced, or exchanged with their neighbour. */
function distance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (last[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      let best = Math.min(replaced, (last[j] as number) + 1, (row[j - 1] as number) + 1);
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] as number) + 1);
      }
      row.push(best);
    }
    [beforeLast, last] = [last, row];
  }
  return last[to.length] as number;
}
