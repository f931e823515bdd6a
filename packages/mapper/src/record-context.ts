import { formatPosition } from '@leat/core';
import type { RunInfo, StageContext } from '@leat/sdk';
import type { Logger } from '@leat/runtime';
import type { Job } from './job.ts';

/** The chunk that a record belongs to. */
export interface ContextOfChunk {
  readonly job: Job;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** What the user's function is told. Most functions do not ask, so each part is made when they do. */
export class RecordContext implements StageContext<unknown> {
  readonly #chunk: ContextOfChunk;
  readonly #index: number;
  readonly attempt: number;

  constructor(chunk: ContextOfChunk, index: number, attempt: number) {
    this.#chunk = chunk;
    this.#index = index;
    this.attempt = attempt;
  }

  get run(): RunInfo<unknown> {
    return this.#chunk.job.run;
  }

  get chunk(): string {
    return this.#chunk.job.chunk;
  }

  get position(): string {
    const { position, origins } = this.#chunk.job;
    return formatPosition(position, origins?.[this.#index] ?? this.#index);
  }

  get signal(): AbortSignal {
    return this.#chunk.signal;
  }

  get logger(): Logger {
    return this.#chunk.logger;
  }
}
