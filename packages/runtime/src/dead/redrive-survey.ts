import {
  formatChunkId,
  isChosen,
  type NotRedrivable,
  redriveOf,
  type RedriveWish,
  type RunRequest,
} from '@leat/core';
import type { DeadLetterStore } from './dead-letter-store.ts';

/**
 * Why a chosen record is not tried again; `uncounted` is one whose letter no receipt has confirmed: the chunk
 * was worked on again, and what became of the record then is what counts.
 */
export type LeftOut = NotRedrivable | 'uncounted';

/** The dead letters of a run, as an operator's wish divides them. */
export interface RedriveSurvey {
  /** Where the letters stand whose records are tried again: one letter for each record. */
  readonly places: readonly number[];
  /** Where further letters of these records stand: their chunks were worked on more than once. */
  readonly copies: readonly number[];
  /** How many of the chosen records are left out, by the reason. */
  readonly leftOut: ReadonlyMap<LeftOut, number>;
}

/**
 * Looks through the dead letters of a run. What it remembers is bounded as the stream is, in bytes.
 *
 * @throws whatever the client throws when the server is away
 */
export async function surveyDeadLetters(
  store: DeadLetterStore,
  { run, spec, born, isRecovered = false }: RunRequest,
  wish: RedriveWish,
): Promise<RedriveSurvey> {
  const confirmed = await store.executions(run);
  const places = new Map<string, number>();
  const copies: number[] = [];
  const uncounted = new Map<string, number[]>();
  const impossible = new Map<string, LeftOut>();
  for await (const { place, letter } of store.letters(run)) {
    if (place > wish.upTo) break;
    // A run of this id that began elsewhere may have left letters; they are this one's if it goes on with it.
    if (letter.born !== born && !isRecovered) continue;
    if (!isChosen(letter, wish)) continue;
    const redrive = redriveOf(letter, spec);
    if (typeof redrive === 'string') {
      impossible.set([letter.stage, letter.chunk, letter.index].join(' '), redrive);
      continue;
    }
    const record = formatChunkId(redrive);
    if (!confirmed.has(letter.execution ?? '')) {
      uncounted.set(record, [...(uncounted.get(record) ?? []), place]);
    } else if (places.has(record)) copies.push(place);
    else places.set(record, place);
  }
  const leftOut = new Map<LeftOut, number>();
  const leave = (reason: LeftOut): void => void leftOut.set(reason, (leftOut.get(reason) ?? 0) + 1);
  for (const reason of impossible.values()) leave(reason);
  for (const [record, letters] of uncounted) {
    if (places.has(record)) copies.push(...letters);
    else leave('uncounted');
  }
  return { places: [...places.values()], copies, leftOut };
}
