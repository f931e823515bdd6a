import { type DeadLetterChoice, isChosen, LeatError } from '@leat/core';
import { DeadLetterStore, type OnUnreadable } from '@leat/runtime';
import { findLetters, type RunName } from '../runs/find-run.ts';
import type { Site } from '../site.ts';
import { sweepJetStream } from '../runs/sweep-jetstream.ts';

/** What was removed. */
export interface DroppedLetters {
  readonly run: string;
  /** How many records; one whose chunk was worked on more than once had several letters. */
  readonly records: number;
}

/**
 * Removes dead letters of a run for good; its report counts them still.
 *
 * @throws LeatError `run-unknown`, or `run-state` while dead letters of the run are being tried again
 */
export async function dropLetters(
  site: Site,
  name: RunName,
  choice: DeadLetterChoice,
): Promise<DroppedLetters> {
  const { run } = name;
  const { pipeline, found } = await findLetters(site, name);
  if ((await found?.runs.redrives.get(run)) !== undefined) {
    throw new LeatError(
      'run-state',
      `Dead letters of the run ${run} are being tried again: wait until that is done.`,
    );
  }
  const store = await DeadLetterStore.open(site.nats, pipeline, site.signing);
  const records = new Set<string>();
  let isEmpty = true;
  const onUnreadable: OnUnreadable = (_stream, _place, newer) => {
    // A newer Leat may still want to know whether it counts.
    if (newer !== undefined) isEmpty = false;
  };
  for await (const { place, letter } of store.letters(run, onUnreadable)) {
    if (!isChosen(letter, choice)) isEmpty = false;
    else if (await store.delete(place)) {
      records.add([letter.stage, letter.chunk, letter.index].join(' '));
    }
  }
  if (isEmpty) await store.forgetExecutions(run);
  // Stores of the pipeline's own are not known here: its fetcher cleans them at the end of its next run.
  if (found !== undefined) await sweepJetStream(site, pipeline, found.runs);
  return { run, records: records.size };
}
