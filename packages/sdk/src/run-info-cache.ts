import type { RunInfo } from './contracts.ts';
import type { Runs } from './jetstream/runs.ts';

/** How many runs a service remembers; it has to do with very few at a time. */
const MAX_RUNS = 100;

/** Looks runs up once; `undefined` for a run that nobody asked for. */
export function runInfoCache(runs: Runs): (run: string) => Promise<RunInfo | undefined> {
  const known = new Map<string, Promise<RunInfo | undefined>>();
  const find = async (run: string): Promise<RunInfo | undefined> => {
    const request = await runs.get(run);
    return request && { id: run, pipeline: request.pipeline, params: request.params };
  };
  return (run) => {
    let info = known.get(run);
    if (info === undefined) {
      info = find(run).then(
        (found) => {
          if (found === undefined) known.delete(run);
          return found;
        },
        (error: unknown) => {
          known.delete(run);
          throw error;
        },
      );
      known.set(run, info);
      const [oldest] = known.keys();
      if (known.size > MAX_RUNS && oldest !== undefined) known.delete(oldest);
    }
    return info;
  };
}
