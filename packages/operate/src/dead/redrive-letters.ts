import { relative } from 'node:path';
import { type DeadLetterChoice, LeatError, mayBeRedriven, type RunState } from '@leat/core';
import { DeadLetterStore, type LeftOut, surveyDeadLetters } from '@leat/runtime';
import type { Call } from './command.ts';
import { plain } from './dead-letter-text.ts';
import { EXIT } from './exit-code.ts';
import { findLetters, findRun, type RunPlace } from './find-run.ts';
import { print } from './output.ts';

const WHY: Readonly<Record<LeftOut, string>> = {
  'rejected by the source': 'were rejected by the source, which made no record of them',
  cut: 'are too large for a message, and only their beginning is kept',
  'not UTF-8': 'are not valid UTF-8, and their bytes are not kept',
  'too deep': 'were divided too often before, so that there is no room for a longer chunk id',
  uncounted: 'were worked on again, and the run counts what became of them then',
};

/** Asks for dead letters of a run to be tried again, and says what will happen. */
export async function redriveLetters(
  call: Call,
  place: RunPlace,
  run: string,
  choice: DeadLetterChoice,
): Promise<number> {
  const { pipeline } = await findLetters(place, run);
  const { request, runs } = await findRun({ ...place, pipeline }, run);
  demandSettled(run, (await runs.progress(run))?.progress.state ?? 'pending');
  const store = await DeadLetterStore.open(place.connection, pipeline);
  const wish = { ...choice, upTo: await store.last() };
  const survey = await surveyDeadLetters(store, request, wish);
  const records = survey.places.length;
  if (records > 0) {
    // A pause from before it ended is over.
    await runs.setWish(run, 'run');
    await runs.setRedrive(run, wish);
  }
  if (call.flags['json'] === true) {
    const leftOut = Object.fromEntries(survey.leftOut);
    await print(`${JSON.stringify({ run, records, leftOut }, undefined, 2)}\n`);
    return EXIT.ok;
  }
  const lines = [`${counted(records)} of the run ${run} will be tried again.`];
  for (const [reason, count] of survey.leftOut) {
    lines.push(`${counted(count)} will not: they ${WHY[reason]}.`);
  }
  if (records > 0) {
    const file = plain(relative('.', request.file ?? 'pipeline.ts'));
    lines.push(
      `This is done as soon as a fetcher, mappers and savers of ${pipeline} are running, or "leat dev ${file} --run ${run}" if that made the run.`,
    );
  }
  await print(`${lines.join('\n')}\n`);
  return EXIT.ok;
}

export function counted(records: number): string {
  return `${records.toLocaleString('en')} dead ${records === 1 ? 'letter' : 'letters'}`;
}

/** @throws LeatError `run-state` unless the whole dataset is settled */
function demandSettled(run: string, state: RunState): void {
  if (mayBeRedriven(state)) return;
  const what =
    state === 'cancelled'
      ? 'was cancelled: nothing of it is tried again, start another run'
      : state === 'failed'
        ? 'has failed: let it go on first, by "leat start" or "leat dev" with --run'
        : `is ${state}: wait until it has ended`;
  throw new LeatError('run-state', `The run ${run} ${what}.`);
}
