import type { RunInfo } from '../contracts.ts';

/** Either a value, or a function that makes it for a run (to read `run.params`). */
export type PerRun<T, Params> = T | ((run: RunInfo<Params>) => T);

export function perRun<T>(given: PerRun<T, never>): (run: RunInfo<unknown>) => T {
  return typeof given === 'function' ? (given as (run: RunInfo<unknown>) => T) : () => given;
}
