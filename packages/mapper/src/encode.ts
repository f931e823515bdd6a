import { type Mapper, TerminalError } from '@leat/sdk';
import { applySchema, describeIssues, ENCODE } from '@leat/runtime';
import { safeEncode, type ZodType } from 'zod';

/** A stage's result that is not what the stage says it yields: a mistake, which trying again repeats. */
class InvalidResult extends TerminalError {
  override readonly name: string = 'InvalidResult';
}

/**
 * Turns what the user's function made of one record into JSON: a line for `map`, none or any number for
 * `flatMap`.
 *
 * @throws InvalidResult if a result does not fit the stage's schema
 */
export function encodeResult({ schema, work }: Mapper, result: unknown): string | string[] {
  return work.type === 'map' ? encode(schema, result) : encodeEach(schema, work.type, result);
}

/**
 * Turns what `mapChunk` made of a group into JSON, a line for each record.
 *
 * @param expected how many results there must be
 * @throws InvalidResult if a result does not fit the stage's schema, or their number is wrong
 */
export function encodeResults({ schema }: Mapper, results: unknown, expected: number): string[] {
  const lines = encodeEach(schema, 'mapChunk', results);
  if (lines.length === expected) return lines;
  throw new InvalidResult(
    `mapChunk must return a result for each of its ${expected} records; it returned ${lines.length}`,
  );
}

function encodeEach(schema: ZodType, type: string, results: unknown): string[] {
  if (typeof results !== 'object' || results === null || !(Symbol.iterator in results)) {
    throw new InvalidResult(
      `${type} must return an array or another iterable; it returned ${kindOf(results)}`,
    );
  }
  return Array.from(results as Iterable<unknown>, (item) => encode(schema, item));
}

function encode(schema: ZodType, result: unknown): string {
  const { value, issues } = applySchema(schema, result, ENCODE);
  const line: string | undefined = JSON.stringify(
    issues.length === 0 ? value : encodeAgain(schema, result),
  );
  if (line === undefined)
    throw new InvalidResult(`the result is ${kindOf(value)}, which JSON cannot hold`);
  return line;
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
