import { jsonText, LeatError, messageOf } from '@leat/core';
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

  /** Adds a value; one that JSON cannot hold exactly is rejected. */
  add(value: unknown, index: number): void {
    const written = jsonText(value);
    if ('fault' in written) {
      const reason = `the record is not JSON: ${written.fault}`;
      this.#builder.reject(shown(value), reason, index, index + 1, index + 1);
    } else {
      const encoder = this.#encoder;
      encoder.encode(written.text);
      const { buffer, start, end } = encoder;
      this.#builder.addLine(buffer, start, end, index, index + 1, index + 1);
    }
  }

  /**
   * Hands over the chunks that are complete; with `isEnd` also the last one. A full one is complete before the
   * next record is there: the source may have to wait for it.
   */
  *take(isEnd: boolean): Generator<SourceChunk, void, undefined> {
    if (isEnd || this.#builder.isFull) this.#builder.cut();
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

/** A value as a letter shows it, whatever its getters do. */
function shown(value: unknown): string {
  try {
    return inspect(value);
  } catch (error) {
    return `it cannot be shown: ${messageOf(error)}`;
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
