import { isThenable, LeatError } from '@leat/core';
import type { Source, SourceChunk, SourceRequest } from '@leat/sdk';
import { AbortableWait, type AnyIterable, isOneShot, iteratorOf } from './iteration.ts';
import { Turns } from './turn.ts';
import { parseIndex, ValueScanner } from './value-scanner.ts';

/** How often, in records, the clock is looked at. */
const TURN_EVERY = 256;

/** What {@link records} reads: a collection, or a function that begins to iterate over one. */
export type RecordsInput<T> = AnyIterable<T> | (() => AnyIterable<T> | PromiseLike<AnyIterable<T>>);

/**
 * Reads records from memory: an array, anything else that can be iterated over, or a function (a generator
 * function, say, also an asynchronous one) that begins anew at each call.
 *
 * It must yield the same records every time and in every process, because it is read again from the
 * start when a run goes on and when chunks are sent again. A generator object or a stream, which can be read
 * only once, is refused: pass the function that makes it. Positions are indexes, from 0; only an array
 * can be read from the middle.
 *
 * @example
 * ```ts
 * const source = records([{ name: 'Ordino' }, { name: 'Encamp' }]);
 * const pages = records(async function* () {
 *   for (let page = 1; page <= 9; page++) yield* await readPage(page);
 * });
 * ```
 */
export function records<T>(input: RecordsInput<T>): Source<T> {
  if (typeof input !== 'function' && isOneShot(input)) throw oneShot();
  // Two reads of one source in one process show a function that returns the same iterator twice.
  const used = new WeakSet<object>();
  const begin = async (): Promise<AnyIterable<T>> => {
    const iterable = typeof input === 'function' ? await input() : input;
    if (!isOneShot(iterable)) return iterable;
    if (used.has(iterable)) throw oneShot();
    used.add(iterable);
    return iterable;
  };
  return { kind: 'records', chunks: (request) => read(begin, request) };
}

async function* read(
  begin: () => Promise<AnyIterable<unknown>>,
  request: SourceRequest,
): AsyncGenerator<SourceChunk, void, undefined> {
  const wait = new AbortableWait(request.signal);
  try {
    yield* iterate(await wait.for(begin()), request, wait);
  } finally {
    wait.close();
  }
}

async function* iterate(
  iterable: AnyIterable<unknown>,
  { cursor, signal, chunkSize, maxBytes }: SourceRequest,
  wait: AbortableWait,
): AsyncGenerator<SourceChunk, void, undefined> {
  const array = Array.isArray(iterable) ? iterable : undefined;
  const from = parseIndex('records', cursor, array?.length);
  const scanner = new ValueScanner('records', { chunkSize, maxBytes }, array?.length);
  const turns = new Turns();
  const [iterator, first] =
    array === undefined ? [iteratorOf(iterable), 0] : [iterateFrom(array, from), from];
  let isOver = false;
  try {
    for (let index = first; ; index++) {
      const step = iterator.next();
      const { done, value } = isThenable(step) ? await wait.for(step) : step;
      isOver = done === true;
      if (isOver) {
        if (index < from) throw tooFew(from, index);
      } else if (index >= from) {
        scanner.add(isThenable(value) ? await wait.for(value) : value, index);
      }
      for (const chunk of scanner.take(isOver)) {
        signal.throwIfAborted();
        yield chunk;
      }
      if (isOver) return;
      if (index % TURN_EVERY === 0) await turns.next();
    }
  } finally {
    if (!isOver) await giveUp(iterator, signal);
  }
}

/** Ends an iteration early. */
async function giveUp(
  iterator: Iterator<unknown> | AsyncIterator<unknown>,
  signal: AbortSignal,
): Promise<void> {
  const returning = iterator.return?.();
  // Not awaited after an abort: a generator that hangs would not return either.
  if (signal.aborted) Promise.resolve(returning).catch(() => {});
  else await returning;
}

function* iterateFrom(array: readonly unknown[], from: number): Generator {
  for (let index = from; index < array.length; index++) yield array[index];
}

function tooFew(expected: number, found: number): LeatError {
  return new LeatError(
    'source-changed',
    `There were at least ${expected} records, and now there are ${found}: what records() is given must yield the same every time.`,
  );
}

function oneShot(): LeatError {
  return new LeatError(
    'invalid-pipeline',
    'records: expected something that can be read again, got an iterator or a stream, which can be read only once: pass the function that makes it.',
  );
}
