import type { RunInfo } from '../contracts.ts';

/** Either a value, or a function that makes it for a run (to read `run.params`). */
export type PerRun<T> = T | ((run: RunInfo) => T);

export function perRun<T>(given: PerRun<T>): (run: RunInfo) => T {
  return typeof given === 'function' ? (given as (run: RunInfo) => T) : () => given;
}
