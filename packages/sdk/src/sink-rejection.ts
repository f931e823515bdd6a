import { LeatError } from '@leat/core';

/** A record that a sink cannot take, no matter who tries and how often. */
export interface RejectedRecord {
  /** The chunk id. */
  readonly chunk: string;
  /** Which line of the chunk's body, from 0. */
  readonly index: number;
  readonly reason: string;
}

/** Thrown by `SinkSession.commit` when nothing was committed because of some of the records. */
export class SinkRejection extends LeatError {
  override readonly name: string = 'SinkRejection';
  readonly rejected: readonly RejectedRecord[];

  constructor(rejected: readonly RejectedRecord[], options?: { readonly cause?: unknown }) {
    super('records-rejected', `The sink cannot take ${rejected.length} records.`, options);
    this.rejected = rejected;
  }
}
