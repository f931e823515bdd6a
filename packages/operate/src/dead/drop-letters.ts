import { type DeadLetterChoice, isChosen, LeatError } from '@leat/core';
import { DeadLetterStore } from '@leat/runtime';
import type { Call } from './command.ts';
import { EXIT } from './exit-code.ts';
import { findLetters, type RunPlace } from './find-run.ts';
import { print } from './output.ts';
import { counted } from './redrive-letters.ts';

/** Removes dead letters of a run for good; its report counts them still. */
export async function dropLetters(
  call: Call,
  place: RunPlace,
  run: string,
  choice: DeadLetterChoice,
): Promise<number> {
  const { pipeline, found } = await findLetters(place, run);
  if ((await found?.runs.redrive(run)) !== undefined) {
    throw new LeatError(
      'run-state',
      `Dead letters of the run ${run} are being tried again: wait until that is done.`,
    );
  }
  const store = await DeadLetterStore.open(place.connection, pipeline);
  const records = new Set<string>();
  let isEmpty = true;
  for await (const { place: at, letter } of store.letters(run)) {
    if (!isChosen(letter, choice)) isEmpty = false;
    else if (await store.delete(at)) {
      records.add([letter.stage, letter.chunk, letter.index].join(' '));
    }
  }
  if (isEmpty) await store.forgetExecutions(run);
  const dropped = records.size;
  await print(
    call.flags['json'] === true
      ? `${JSON.stringify({ run, records: dropped }, undefined, 2)}\n`
      : `${counted(dropped)} of the run ${run} ${dropped === 1 ? 'is' : 'are'} dropped.\n`,
  );
  return EXIT.ok;
}
