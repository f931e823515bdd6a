import { jsonText, type NumberRule, stringifyJson, TerminalError } from '@leat/core';
import { safeEncode, type ZodType } from 'zod';
import { applySchema, ENCODE } from './apply-schema.ts';
import { isClosed } from './closed-schema.ts';
import { protoKeys } from './proto-key.ts';
import { describeIssues } from './schema-issues.ts';

/** What says how a record is written: the stage that yields it. */
export interface RecordForm {
  readonly schema: ZodType;
  readonly numbers: NumberRule;
  /** Whether nobody said so: then a record is only checked to be JSON. */
  readonly isInferred?: boolean;
}

/** A stage's result that is not what the stage says it yields: a mistake, which trying again repeats. */
export class InvalidResult extends TerminalError {
  override readonly name: string = 'InvalidResult';
}

/**
 * Writes a record as a line of JSON, encoded by its schema.
 *
 * @throws InvalidResult if it does not fit the schema, or JSON cannot hold it exactly
 */
export function writeRecord(form: RecordForm, record: unknown): string {
  const { schema, isInferred, numbers } = form;
  if (isInferred === true) return writeJson(record, numbers, 'inferred');
  const encoded = encodeRecord(schema, record);
  return isClosed(schema) ? stringifyJson(encoded) : writeJson(encoded, numbers, 'declared');
}

/**
 * What stands in the JSON for a record.
 *
 * @throws InvalidResult if it does not fit the schema
 */
export function encodeRecord(schema: ZodType, record: unknown): unknown {
  const { value, issues } = applySchema(schema, record, ENCODE);
  if (issues.length === 0) {
    if (value !== record && !isClosed(schema)) demandProtoKeys(record, value);
    return value;
  }
  // Again, for an error that can be told.
  const encoded = safeEncode(schema, record);
  if (encoded.success) return encoded.data;
  throw new InvalidResult(`the result does not fit the schema: ${describeIssues(encoded.error)}`);
}

/**
 * A schema that takes any key copies all but this one; what it does not copy keeps it. To look costs half a microsecond
 * for a record of ten fields.
 *
 * @throws InvalidResult if the schema has lost one
 */
function demandProtoKeys(record: unknown, encoded: unknown): void {
  const count = protoKeys(record);
  if (count === 0 || protoKeys(encoded) >= count) return;
  throw new InvalidResult(
    'the result has a key __proto__, which objects of JavaScript lose: give it another name',
  );
}

const REMEDIES = {
  inferred: 'give the stage a schema that says how it is written',
  declared: 'let the schema say how it is written, with a z.codec',
} as const;

/**
 * Writes what nothing is sure to say how it becomes JSON.
 *
 * @param schema whether the stage has one of its own
 * @throws InvalidResult if JSON cannot hold it exactly
 */
export function writeJson(
  value: unknown,
  numbers: NumberRule,
  schema: keyof typeof REMEDIES,
): string {
  const written = jsonText(value, numbers === 'bigint' ? 'bigints' : undefined);
  if ('text' in written) return written.text;
  throw new InvalidResult(`the result is not JSON: ${written.fault}; ${REMEDIES[schema]}`);
}
