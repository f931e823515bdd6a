import { isThenable, LeatError } from '@leat/core';
import type { Source, SourceChunk, SourceRequest } from '@leat/sdk';
import { AbortableWait } from './iteration.ts';
import { Turns } from './turn.ts';
import { parseIndex, ValueScanner } from './value-scanner.ts';

/** How often chunks are handed over while records are computed. */
const BATCH = 256;

/**
 * Computes `count` records, one after the other. `record` must return the same for the same index every
 * time and in every process: records are computed again when a run goes on and when chunks are sent again.
 * Positions are indexes, from 0; to go on from a cursor costs nothing.
 *
 * @param record what record `index` is; may be asynchronous
 * @example
 * ```ts
 * const source = generate(1_000_000, (index) => ({ id: index, square: index ** 2 }));
 * ```
 */
export function generate<T>(count: number, record: (index: number) => T): Source<Awaited<T>> {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new LeatError(
      'invalid-pipeline',
      `generate: expected count to be a whole number from 0 up, got ${String(count)}.`,
    );
  }
  return { kind: 'generate', chunks: (request) => compute(count, record, request) };
}

async function* compute(
  count: number,
  record: (index: number) => unknown,
  { cursor, signal, chunkSize, maxBytes }: SourceRequest,
): AsyncGenerator<SourceChunk, void, undefined> {
  const scanner = new ValueScanner('generate', { chunkSize, maxBytes }, count);
  const turns = new Turns();
  const wait = new AbortableWait(signal);
  const take = function* (isEnd: boolean): Generator<SourceChunk, void, undefined> {
    for (const chunk of scanner.take(isEnd)) {
      signal.throwIfAborted();
      yield chunk;
    }
  };
  try {
    for (let index = parseIndex('generate', cursor, count); index < count;) {
      const end = Math.min(index + BATCH, count);
      for (; index < end; index++) {
        const value = record(index);
        if (isThenable(value)) {
          // It may have to wait, and what is full already need not.
          yield* take(false);
          scanner.add(await wait.for(value), index);
        } else {
          scanner.add(value, index);
        }
      }
      await turns.next();
      yield* take(index === count);
    }
  } finally {
    wait.close();
  }
}
