import { type Mapper, TerminalError } from '@leat/sdk';
import { describeIssues } from '@leat/sdk/internal';
import { safeEncode, type ZodType } from 'zod';

/** A stage's result that is not what the stage says it yields: a mistake, which trying again repeats. */
class InvalidResult extends TerminalError {
  override readonly name: string = 'InvalidResult';
}

/**
 * Turns what the user's function returned into lines of JSON: one for `map`, none or any number for
 * `flatMap`, one for each record for `mapChunk`.
 *
 * @param expected how many results `mapChunk` must have returned
 * @throws InvalidResult if a result does not fit the stage's schema, or their number is wrong
 */
export function encodeResults(mapper: Mapper, result: unknown, expected?: number): string[] {
  const { schema, work } = mapper;
  if (work.type === 'map') return [encodeResult(schema, result)];
  if (typeof result !== 'object' || result === null || !(Symbol.iterator in result)) {
    throw new InvalidResult(
      `${work.type} must return an array or another iterable; it returned ${kindOf(result)}`,
    );
  }
  const lines = Array.from(result as Iterable<unknown>, (item) => encodeResult(schema, item));
  if (expected !== undefined && lines.length !== expected) {
    throw new InvalidResult(
      `mapChunk must return a result for each of its ${expected} records; it returned ${lines.length}`,
    );
  }
  return lines;
}

/** What `safeEncode` tells a schema, made once: it costs more than the encoding of a small record. */
const BACKWARD = { async: false, direction: 'backward' } as const;

function encodeResult(schema: ZodType, result: unknown): string {
  // oxlint-disable-next-line no-underscore-dangle -- zod's interface for libraries is called that
  const encoded = schema._zod.run({ value: result, issues: [] }, BACKWARD);
  const isEncoded = !(encoded instanceof Promise) && encoded.issues.length === 0;
  const value = isEncoded ? encoded.value : refusedBy(schema, result);
  const line: string | undefined = JSON.stringify(value);
  if (line === undefined)
    throw new InvalidResult(`the result is ${kindOf(value)}, which JSON cannot hold`);
  return line;
}

/** Once more, for an error that can be told. */
function refusedBy(schema: ZodType, result: unknown): unknown {
  const encoded = safeEncode(schema, result);
  if (encoded.success) return encoded.data;
  throw new InvalidResult(`the result does not fit the schema: ${describeIssues(encoded.error)}`);
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
