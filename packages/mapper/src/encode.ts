import type { Mapper } from '@leat/sdk';
import { enrichLine, InvalidResult, writeRecord } from '@leat/runtime';
import { KEPT } from './outcome.ts';

/**
 * Turns what the user's function made of one record into JSON: a line for `map`, none or any number for
 * `flatMap`. For a `filter` the record is kept as it is, or there is no line; for `enrich` its line is kept, and
 * what is new is added.
 *
 * @param text the line that `enrich` adds to
 * @throws InvalidResult if a result does not fit the stage's schema
 */
export function encodeResult(
  mapper: Mapper,
  result: unknown,
  text = '',
): string | string[] | typeof KEPT {
  const { work, numbers } = mapper;
  const { type } = work;
  if (type === 'map') return writeRecord(mapper, result);
  if (type === 'enrich') return enrichLine(work.added, numbers, text, result) ?? KEPT;
  if (type !== 'filter') return encodeEach(mapper, type, result);
  if (typeof result === 'boolean') return result ? KEPT : [];
  throw new InvalidResult(`filter must return true or false; it returned ${kindOf(result)}`);
}

/**
 * Turns what `mapChunk` made of a group into JSON, a line for each record.
 *
 * @param expected how many results there must be
 * @throws InvalidResult if a result does not fit the stage's schema, or their number is wrong
 */
export function encodeResults(mapper: Mapper, results: unknown, expected: number): string[] {
  const lines = encodeEach(mapper, 'mapChunk', results);
  if (lines.length === expected) return lines;
  throw new InvalidResult(
    `mapChunk must return a result for each of its ${expected} records; it returned ${lines.length}`,
  );
}

function encodeEach(mapper: Mapper, type: string, results: unknown): string[] {
  if (typeof results !== 'object' || results === null || !(Symbol.iterator in results)) {
    throw new InvalidResult(
      `${type} must return an array or another iterable; it returned ${kindOf(results)}`,
    );
  }
  return Array.from(results as Iterable<unknown>, (item) => writeRecord(mapper, item));
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
