import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '@leat/core';
import { type Logger, type Runs, type SaverSink, wait } from '@leat/sdk/internal';
import type { Checkpointer } from './checkpointer.ts';
import type { Lease } from './lease.ts';

/** How often it is looked what the replicas have noted. */
const LOOK_MS = 2_000;

export interface RunWitnessOptions {
  readonly runs: Runs;
  readonly lease: Lease;
  readonly checkpointer: Checkpointer;
  readonly logger: Logger;
}

/**
 * Takes into the run's progress what its replicas have noted about it: into which sink each saver writes, and
 * which versions of code have worked on it. There it outlives the notes, and a bucket that is wiped.
 */
export class RunWitness {
  readonly #options: RunWitnessOptions;

  constructor(options: RunWitnessOptions) {
    this.#options = options;
  }

  /** Looks now and then, until told to stop. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look();
      await wait(LOOK_MS, signal).catch(() => undefined);
    }
  }

  /**
   * Whether what a saver has in a sink counts: that of which the run knew first does. Notes may be lost before
   * they are seen, with the bucket; then it is the first of which receipts come.
   */
  counts({ saver, mark, place }: SaverSink): boolean {
    const { lease } = this.#options;
    const known = lease.witnessed.sinks?.[saver];
    if (known !== undefined) return known.mark === mark;
    const sinks = { ...lease.witnessed.sinks, [saver]: { mark, place } };
    lease.witness({ ...lease.witnessed, sinks });
    return true;
  }

  /** Looks once; also before the last checkpoint, so that the report has everything. */
  async look(): Promise<void> {
    const { runs, lease, checkpointer, logger } = this.#options;
    const { run } = lease;
    try {
      const noted = await runs.notes.sinks(run);
      const found = await runs.notes.versions(run);
      const before = lease.witnessed;
      // What is known already counts: notes may be of a time after a bucket was wiped.
      const sinks = { ...noted, ...before.sinks };
      const versions = merged(before.versions ?? {}, found);
      const witnessed = { sinks, versions };
      if (isDeepStrictEqual(witnessed, before)) return;
      lease.witness(witnessed);
      checkpointer.changed();
    } catch (error) {
      logger.debug({ run }, `notes of the replicas not read: ${messageOf(error)}`);
    }
  }
}

type Versions = Readonly<Record<string, readonly string[]>>;

function merged(before: Versions, found: Versions): Versions {
  const stages = new Set([...Object.keys(before), ...Object.keys(found)]);
  return Object.fromEntries(
    [...stages].map((stage) => {
      const versions = new Set([...(before[stage] ?? []), ...(found[stage] ?? [])]);
      return [stage, [...versions]] as const;
    }),
  );
}
