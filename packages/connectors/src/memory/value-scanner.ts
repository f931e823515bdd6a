import { LeatError, messageOf } from '@leat/core';
import type { SourceChunk } from '@leat/sdk';
import { inspect } from 'node:util';
import { ChunkBuilder, type ChunkLimits } from '../chunk-builder.ts';
import { LineEncoder } from './line-encoder.ts';

/** Makes chunks of values in memory. */
export class ValueScanner {
  readonly #kind: string;
  readonly #total: number | undefined;
  readonly #builder: ChunkBuilder;
  readonly #encoder = new LineEncoder();

  /** @param total how many values there are, if it is known */
  constructor(kind: string, limits: ChunkLimits, total: number | undefined) {
    this.#kind = kind;
    this.#total = total;
    this.#builder = new ChunkBuilder(limits);
  }

  /** Adds a value; one that JSON has no words for is rejected. */
  add(value: unknown, index: number): void {
    let text: string | undefined;
    let reason = 'it is nothing that JSON can express';
    try {
      text = JSON.stringify(value);
    } catch (error) {
      reason = messageOf(error);
    }
    if (text === undefined) {
      this.#builder.reject(inspect(value), reason, index, index + 1, index + 1);
    } else {
      const encoder = this.#encoder;
      encoder.encode(text);
      const { buffer, start, end } = encoder;
      this.#builder.addLine(buffer, start, end, index, index + 1, index + 1);
    }
  }

  /** Hands over the chunks that are complete; with `isEnd` also the last one. */
  *take(isEnd: boolean): Generator<SourceChunk, void, undefined> {
    if (isEnd) this.#builder.cut();
    for (const { at, next, first, ...rest } of this.#builder.takeCuts()) {
      yield {
        ...rest,
        nextCursor: next,
        position: { source: this.#kind, unit: 'record', first },
        ...(this.#total === undefined ? {} : { fraction: at / this.#total }),
      };
    }
  }
}

/** Reads a cursor that is an index; throws `source-changed` for anything else. */
export function parseIndex(kind: string, cursor: unknown, total: number = Infinity): number {
  const index = cursor ?? 0;
  if (typeof index === 'number' && Number.isSafeInteger(index) && index >= 0 && index <= total) {
    return index;
  }
  throw new LeatError(
    'source-changed',
    `The cursor ${JSON.stringify(cursor)} was not made by this source (${kind}, ${total === Infinity ? 'of unknown length' : `${total} records`}): a run can only go on with the dataset that it began with.`,
  );
}
