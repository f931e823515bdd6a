import { type DeadLetterChoice, isChosen, LeatError, type RunRequest } from '@leat/core';
import { type DeadLetter, type FailedRecord, readDeadLetters } from '@leat/runtime';
import { findLetters, type RunName } from '../runs/find-run.ts';
import { sayLeftOut } from './left-out.ts';
import type { Site } from '../site.ts';
import type { FailedChunk } from './failed-chunk-file.ts';

/** Collects the letters of one chunk: they are at most as many as the chunk has records. */
export async function exportChunk(
  site: Site,
  { run, pipeline: wanted }: RunName,
  choice: DeadLetterChoice & { readonly chunk: string },
): Promise<FailedChunk> {
  const { pipeline, found } = await findLetters(site, { run, pipeline: wanted });
  const letters: DeadLetter[] = [];
  for await (const letter of readDeadLetters(site, { pipeline, run }, sayLeftOut(site))) {
    if (isChosen(letter, choice) && isOf(letter, found?.request)) letters.push(letter);
  }
  return failedChunkOf(letters, { run, pipeline, chunk: choice.chunk, request: found?.request });
}

/**
 * Makes one chunk of the letters of it.
 *
 * @throws LeatError `invalid-configuration` if there are none, or of several stages
 */
export function failedChunkOf(
  letters: readonly DeadLetter[],
  of: {
    readonly run: string;
    readonly pipeline: string;
    readonly chunk: string;
    /** Absent if the server does not know the run any more. */
    readonly request: RunRequest | undefined;
  },
): FailedChunk {
  const { run, pipeline, chunk, request } = of;
  const [stage, ...others] = new Set(letters.map((letter) => letter.stage));
  if (stage === undefined) {
    throw new LeatError(
      'invalid-configuration',
      `The run ${run} has no dead letters of a chunk ${chunk}: "leat dead list ${run}" lists those that it has.`,
    );
  }
  if (others.length > 0) {
    throw new LeatError(
      'invalid-configuration',
      `Several stages gave up records of the chunk ${chunk} (${[stage, ...others].join(', ')}): name one with --stage.`,
    );
  }
  return {
    pipeline,
    run,
    ...(request !== undefined && { params: request.params }),
    secrets: Object.keys(request?.secrets ?? {}),
    stage,
    chunk,
    records: letters.map(recordOf).toSorted((a, b) => a.index - b.index),
  };
}

/** A run of this id that was begun before may have left letters, too. */
function isOf(letter: DeadLetter, request: RunRequest | undefined): boolean {
  return request === undefined || request.isRecovered === true || letter.born === request.born;
}

function recordOf({
  index,
  position,
  attempts,
  error,
  record,
  isCut,
  at,
}: DeadLetter): FailedRecord {
  return { index, position, attempts, error, record, ...(isCut === true && { isCut }), at };
}
