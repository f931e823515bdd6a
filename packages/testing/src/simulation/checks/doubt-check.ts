import { linesOf } from '../expected/dataset.ts';
import type { Doubt } from '../expected/fate.ts';
import type { CheckpointCheck } from './checkpoint-check.ts';
import type { LettersSeen } from './letters-seen.ts';
import { doubtfulIn, type WatchedRun } from './watched-run.ts';

/** What became of the records that were in doubt. */
interface Doubts {
  readonly letters: ReadonlySet<string>;
  /** Those that are not saved. */
  readonly dead: readonly Doubt[];
  /** How many records of theirs the savers hold. */
  readonly saved: number;
}

/**
 * A record that may die at one execution and live at the next is saved once by each saver, and its letter does not
 * count; or no saver has it, and its letter counts.
 */
export function checkDoubts(
  watched: WatchedRun,
  { last, wasForgotten }: CheckpointCheck,
  deadSeen: LettersSeen,
  fail: (violation: string) => void,
): Doubts {
  const { dataset, pipeline } = watched.scenario;
  const savers = pipeline.stages.filter(({ kind }) => kind === 'saver');
  const held = new Map(savers.map(({ name }) => [name, doubtfulIn(watched, name, last)]));
  const dead: Doubt[] = [];
  let saved = 0;
  for (const doubt of dataset.doubts) {
    const wanted = savers.flatMap(({ name }) =>
      linesOf(doubt, name).map((line) => ({ name, line })),
    );
    const times = wanted.map(
      ({ name, line }) => held.get(name)?.filter((each) => each === line).length ?? 0,
    );
    const { letter } = doubt;
    // Who begins anew may do again what was settled as dead.
    const counts = wasForgotten ? undefined : deadSeen.counts(letter);
    if (times.every((n) => n === 1)) {
      saved += times.length;
      if (counts === true) fail(`${letter} is saved, and its dead letter counts`);
    } else if (times.every((n) => n === 0)) {
      dead.push(doubt);
      if (counts === false) fail(`${letter} is not saved, and no dead letter of it counts`);
    } else {
      fail(`${letter} is saved in part, or several times: ${times.join(', ')}`);
    }
  }
  return { letters: new Set(dataset.doubts.map(({ letter }) => letter)), dead, saved };
}
