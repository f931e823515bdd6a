import { type ChunkId, formatChunkId, parseChunkId, redriveId } from './chunk-id.ts';
import { regionsAround } from './region.ts';
import type { PipelineSpec } from './spec.ts';

/** Which dead letters of a run are meant; all of them, if nothing is said. */
export interface DeadLetterChoice {
  /** The chunk in which a record was given up, and its place there. */
  readonly chunk?: string;
  readonly index?: number;
  readonly stage?: string;
  /** A part of the error's name or message. */
  readonly error?: string;
}

/** What an operator wants to be tried again. */
export interface RedriveWish extends DeadLetterChoice {
  /** The last place in the dead letters' stream when it was asked for. What dies later is not meant. */
  readonly upTo: number;
}

/** What a dead letter must say for this choice. */
export interface ChosenLetter {
  readonly stage: string;
  readonly chunk: string;
  readonly index: number;
  readonly error: { readonly name: string; readonly message: string };
  readonly isCut?: boolean;
  /** Of a join's letter, the branch that has given the record up. The record is as the branches got it. */
  readonly branch?: string;
}

/** The error of a line whose bytes are no text: its letter has the line only as well as text can tell it. */
export const NOT_UTF8 = 'the line is not valid UTF-8';

/**
 * Why a record cannot be tried again: the source made no line of it, or its letter has only its beginning,
 * or not the bytes that it had; or its chunk was divided so often that there is no room for a longer id; or a join has
 * gone on without it.
 */
export type NotRedrivable =
  | 'rejected by the source'
  | 'cut'
  | 'not UTF-8'
  | 'too deep'
  | 'in a branch of a join';

export function isChosen(letter: ChosenLetter, choice: DeadLetterChoice): boolean {
  const { chunk, index, stage, error } = choice;
  return (
    (chunk === undefined || letter.chunk === chunk) &&
    (index === undefined || letter.index === index) &&
    (stage === undefined || letter.stage === stage) &&
    (error === undefined ||
      letter.error.name.includes(error) ||
      letter.error.message.includes(error))
  );
}

/** The chunk in which a dead letter's record is tried again, or why it cannot be. */
export function redriveOf(letter: ChosenLetter, spec: PipelineSpec): ChunkId | NotRedrivable {
  const stage = spec.stages.findIndex(({ name }) => name === letter.stage);
  const id = parseChunkId(letter.chunk);
  if (stage < 1 || id === undefined) return 'rejected by the source';
  if (letter.isCut === true) return 'cut';
  if (letter.error.message === NOT_UTF8) return 'not UTF-8';
  if (regionsAround(spec, letter.stage).length > 0) return 'in a branch of a join';
  const redrive = redriveId(id, stage, letter.index);
  return parseChunkId(formatChunkId(redrive)) === undefined ? 'too deep' : redrive;
}
