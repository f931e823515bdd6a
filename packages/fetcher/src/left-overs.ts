import { DeadLetterStore, storesOf, sweepRuns } from '@leat/runtime';
import type { ConductOptions } from './conduct-options.ts';

type Means = Pick<ConductOptions, 'connection' | 'pipeline' | 'logger'>;

/** Removes what a run that is over leaves behind. What cannot be removed now stays; the log says so. */
export async function removeLeftOvers(means: Means, run: string): Promise<void> {
  try {
    await means.connection.removeRun(run);
    await sweep(means);
  } catch (error) {
    means.logger.warn({ err: error, run }, 'left-overs of the run not removed');
  }
}

/** Removes what stages kept for runs that are over: this one, and those whose letters have gone since. */
async function sweep({ connection, pipeline, logger }: Means): Promise<void> {
  const { manager, runs, signing } = connection;
  const stores = storesOf(pipeline, () => connection.openStores(), logger);
  try {
    const letters = new DeadLetterStore(manager, pipeline.name, signing);
    await sweepRuns(stores, { runs, letters });
  } finally {
    await stores.close();
  }
}
