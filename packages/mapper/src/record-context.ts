import { TerminalError } from '@leat/core';
import type {
  Logger,
  Mapper,
  RequestInfo,
  RunInfo,
  StageBlobs,
  StageContext,
  StageState,
} from '@leat/sdk';
import { STATE_KEYS } from '@leat/runtime';
import { type Job, numberOf, positionOf, requestOf } from './job.ts';
import { type Scope, ScopedState } from './state/keyed-state.ts';
import { once } from './state/once.ts';
import { RecordBlobs } from './state/record-blobs.ts';
import { demandOneRecord, homeOf, type RecordHome } from './state/record-home.ts';
import type { StoresInUse } from './state/stores-in-use.ts';

/** The chunk that a record belongs to. */
export interface ContextOfChunk {
  readonly job: Job;
  readonly mapper: Mapper;
  readonly signal: AbortSignal;
  readonly loggerOf: (index: number) => Logger;
  readonly stores: StoresInUse | undefined;
}

/** What the user's function is told. Most functions do not ask, so each part is made when they do. */
export class RecordContext implements StageContext<unknown> {
  readonly #chunk: ContextOfChunk;
  readonly #index: number;
  readonly attempt: number;
  #logger: Logger | undefined;

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
    return positionOf(this.#chunk.job, this.#index);
  }

  get signal(): AbortSignal {
    return this.#chunk.signal;
  }

  get logger(): Logger {
    return (this.#logger ??= this.#chunk.loggerOf(this.#index));
  }

  get request(): RequestInfo {
    return { id: requestOf(this.#chunk.job, this.#index) };
  }

  get idempotencyKey(): string {
    return this.#home('idempotencyKey').idempotencyKey;
  }

  get once(): StageContext['once'] {
    return async (key, effect) => once(this.#stores, this.#home('once'), key, effect);
  }

  get state(): StageState {
    const { job } = this.#chunk;
    const scoped = (prefix: () => string): ScopedState => {
      const scope = (): Scope => ({
        prefix: prefix(),
        member: () => this.#home('state.addTo').member,
      });
      return new ScopedState(this.#stores, scope, this.signal);
    };
    const ofRecord = scoped(() => this.#home('state').shared);
    return Object.assign(ofRecord, {
      run: scoped(() => STATE_KEYS.sharedInRun(job.run.id)),
      pipeline: scoped(() => STATE_KEYS.sharedInPipeline()),
    });
  }

  get blobs(): StageBlobs {
    return new RecordBlobs(this.#stores, this.#home('blobs'));
  }

  get #stores(): StoresInUse {
    const { stores } = this.#chunk;
    if (stores !== undefined) return stores;
    throw new TerminalError(
      'context.once, context.state and context.blobs need a store, and this worker has none: give the pipeline stores',
    );
  }

  #home(what: string): RecordHome {
    const { job, mapper } = this.#chunk;
    demandOneRecord(mapper, what);
    return homeOf(mapper, job, this.#index, {
      requestId: this.request.id,
      number: numberOf(job, this.#index),
    });
  }
}
