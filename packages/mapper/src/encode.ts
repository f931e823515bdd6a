import { type Mapper, TerminalError } from '@leat/sdk';
import { jsonText } from '@leat/core';
import { applySchema, describeIssues, ENCODE } from '@leat/runtime';
import { safeEncode, type ZodType } from 'zod';
import { isClosed } from './closed-schema.ts';
import { KEPT } from './outcome.ts';

/** A stage's result that is not what the stage says it yields: a mistake, which trying again repeats. */
class InvalidResult extends TerminalError {
  override readonly name: string = 'InvalidResult';
}

/**
 * Turns what the user's function made of one record into JSON: a line for `map`, none or any number for
 * `flatMap`. For a `filter` the record is kept as it is, or there is no line.
 *
 * @throws InvalidResult if a result does not fit the stage's schema
 */
export function encodeResult(mapper: Mapper, result: unknown): string | string[] | typeof KEPT {
  const { type } = mapper.work;
  if (type === 'map') return encode(mapper, result);
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
  return Array.from(results as Iterable<unknown>, (item) => encode(mapper, item));
}

function encode({ schema, isInferred }: Mapper, result: unknown): string {
  if (isInferred) return write(result, 'give the stage a schema that says how it is written');
  const { value, issues } = applySchema(schema, result, ENCODE);
  const encoded = issues.length === 0 ? value : encodeAgain(schema, result);
  if (isClosed(schema)) return JSON.stringify(encoded);
  return write(encoded, 'let the schema say how it is written, with a z.codec');
}

/** What JSON cannot hold exactly is refused, where nothing is sure to say how it becomes JSON. */
function write(value: unknown, remedy: string): string {
  const written = jsonText(value);
  if ('text' in written) return written.text;
  throw new InvalidResult(`the result is not JSON: ${written.fault}; ${remedy}`);
}

/** For an error that can be told. */
function encodeAgain(schema: ZodType, result: unknown): unknown {
  const encoded = safeEncode(schema, result);
  if (encoded.success) return encoded.data;
  throw new InvalidResult(`the result does not fit the schema: ${describeIssues(encoded.error)}`);
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
