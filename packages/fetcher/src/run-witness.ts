import { isDeepStrictEqual } from 'node:util';
import { type LeatError, messageOf, type RunRequest } from '@leat/core';
import type { Pipeline } from '@leat/sdk';
import { type Logger, type PipelineConnection, type SaverSink, wait } from '@leat/runtime';
import { refusalOfSinks } from './ledger-from-sinks.ts';
import type { RunBooks } from './run-books.ts';

/** How often it is looked what the replicas have noted. */
const LOOK_MS = 2_000;

export interface RunWitnessOptions {
  readonly connection: Pick<PipelineConnection, 'runs'>;
  readonly pipeline: Pipeline;
  readonly request: RunRequest;
  readonly books: RunBooks;
  /** The version of the user's code that this fetcher works with. */
  readonly codeVersion?: string | undefined;
  /** Told if a sink has another run with this id. */
  readonly onRefused: (refusal: LeatError) => void;
  /** Told if a sink has a fence above the run's. */
  readonly onFence: (fence: number) => void;
  readonly logger: Logger;
}

/**
 * Takes into the run's progress what its replicas have noted about it: into which sink each saver writes, and
 * which versions of code have worked on it. There it outlives the notes, and a bucket that is wiped.
 */
export class RunWitness {
  readonly #options: RunWitnessOptions;
  /** When the last trouble was told that has been looked into. */
  #troubleAt = '';

  constructor(options: RunWitnessOptions) {
    this.#options = options;
  }

  /** Notes this fetcher's own version, and looks now and then, until told to stop. */
  async watch(signal: AbortSignal): Promise<void> {
    await this.#try(() => this.#noteVersion());
    while (!signal.aborted) {
      await this.look();
      await this.#try(() => this.#lookForTrouble());
      await wait(LOOK_MS, signal).catch(() => undefined);
    }
  }

  /**
   * Whether what a saver has in a sink counts: that of which the run knew first does. Notes may be lost before
   * they are seen, with the bucket; then it is the first of which receipts come.
   */
  counts({ saver, mark, place }: SaverSink): boolean {
    const { books } = this.#options;
    const known = books.witnessed.sinks?.[saver];
    if (known !== undefined) return known.mark === mark;
    const sinks = { ...books.witnessed.sinks, [saver]: { mark, place } };
    books.witness({ ...books.witnessed, sinks });
    return true;
  }

  /** Looks once; also before the last checkpoint, so that the report has everything. */
  look(): Promise<void> {
    return this.#try(async () => {
      const { connection, books } = this.#options;
      const { notes } = connection.runs;
      const noted = await notes.sinks(books.run);
      const found = await notes.versions(books.run);
      const before = books.witnessed;
      // What is known already counts: notes may be of a time after a bucket was wiped.
      const sinks = { ...noted, ...before.sinks };
      const versions = merged(before.versions ?? {}, found);
      const witnessed = { sinks, versions };
      if (isDeepStrictEqual(witnessed, before)) return;
      books.witness(witnessed);
    });
  }

  async #noteVersion(): Promise<void> {
    const { connection, pipeline, books, codeVersion } = this.#options;
    if (codeVersion === undefined) return;
    await connection.runs.notes.addVersion(books.run, pipeline.fetcher.name, codeVersion);
  }

  /** A saver that cannot work may have met another run with this id: then this one cannot go on. */
  async #lookForTrouble(): Promise<void> {
    const { connection, pipeline, request, logger, onRefused, onFence } = this.#options;
    const troubles = await connection.runs.notes.troubles(request.run);
    for (const { fence } of troubles) if (fence !== undefined) onFence(fence);
    const fresh = troubles.filter(
      ({ stage, at }) => at > this.#troubleAt && isSaver(pipeline, stage),
    );
    const [first] = fresh;
    if (first === undefined) return;
    this.#troubleAt = fresh.reduce((last, { at }) => (at > last ? at : last), first.at);
    const refusal = await refusalOfSinks(request, pipeline, logger);
    if (refusal !== undefined) onRefused(refusal);
  }

  /** Notes are for people: a run does not fail because they cannot be read or written. */
  async #try(action: () => Promise<void>): Promise<void> {
    const { books, logger } = this.#options;
    await action().catch((error: unknown) => {
      logger.debug({ run: books.run }, `notes of the replicas not read: ${messageOf(error)}`);
    });
  }
}

function isSaver({ stages }: Pipeline, stage: string): boolean {
  return stages.some(({ kind, name }) => kind === 'saver' && name === stage);
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
