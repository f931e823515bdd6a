import { addFields, stringifyJson } from '@leat/core';
import type { AddedFields } from '@leat/sdk';
import { isClosed } from './closed-schema.ts';
import { encodeRecord, InvalidResult, type RecordForm, writeJson } from './write-record.ts';

/**
 * Adds to the line of a record what a function has returned for it. What was there stays byte for byte, but for
 * fields of the same name.
 *
 * @param line valid JSON of an object
 * @returns `undefined` if there is nothing to add
 * @throws InvalidResult if it is not an object, does not fit the schema, or JSON cannot hold it exactly
 */
export function enrichLine(
  added: AddedFields,
  numbers: RecordForm['numbers'],
  line: string,
  result: unknown,
): string | undefined {
  const given = result === undefined ? {} : result;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidResult(
      `enrich must return an object with the fields to add; it returned ${kindOf(given)}`,
    );
  }
  const { schema, isInferred, known } = added;
  const names = Object.keys(given);
  if (isInferred && !names.some((name) => known.has(name))) {
    return add(line, writeJson(given, numbers, 'inferred'), names);
  }
  if (isInferred) writeJson(withoutKnown(given, known), numbers, 'inferred');
  const encoded = encodeRecord(schema, given) as object;
  const text = isClosed(schema)
    ? stringifyJson(encoded)
    : writeJson(encoded, numbers, isInferred ? 'inferred' : 'declared');
  return add(line, text, Object.keys(encoded));
}

/** What no schema says how to write: it has to be JSON as it is, with what it inherits and hides. */
function withoutKnown(given: object, known: ReadonlySet<string>): unknown {
  const properties = Object.getOwnPropertyDescriptors(given) as Record<string, PropertyDescriptor>;
  for (const name of known) delete properties[name];
  return Object.create(Object.getPrototypeOf(given) as object | null, properties);
}

function add(line: string, fields: string, names: readonly string[]): string | undefined {
  return fields === '{}' ? undefined : addFields(line, fields, names);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}
