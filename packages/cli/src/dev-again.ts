import { shellWord } from './shell-word.ts';

/** What of a call of `leat dev` says which run it is about. */
export interface DevAgain {
  readonly file: string;
  readonly run: string;
  /** Whether the pipeline file alone leads to the run: no other word of the call has said which one. */
  readonly isPlain: boolean;
  /** As it was given, if it was. */
  readonly stateDir: string | undefined;
}

/** The command that goes on with a run, as it may be typed. A run that has parameters needs only its id. */
export function devAgain({ file, run, isPlain, stateDir }: DevAgain): string {
  const state = stateDir === undefined ? '' : ` --state-dir ${shellWord(stateDir)}`;
  return `leat dev ${shellWord(file)}${isPlain ? '' : ` --run ${run}`}${state}`;
}
