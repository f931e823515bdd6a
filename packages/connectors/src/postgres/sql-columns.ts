import { LeatError, messageOf } from '@leat/core';
import { type ZodType, z } from 'zod';
import { checkSqlName } from './sql-name.ts';

/** The types that the SQL sinks make columns of, or accept in a table that is there already. */
export type ColumnType =
  | 'text'
  | 'double precision'
  | 'numeric'
  | 'integer'
  | 'bigint'
  | 'boolean'
  | 'timestamp with time zone'
  | 'date'
  | 'jsonb';

/** One field of the records. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Whether the field may be absent; NULL then means that it is. Of the types, only `jsonb` has a null besides. */
  readonly isOptional: boolean;
  /** Whether NULL is allowed. */
  readonly isNullable: boolean;
}

/** The columns that every table has besides: run, chunk id, and the record's place in the chunk. */
export const KEY_COLUMNS: readonly string[] = ['_run', '_chunk', '_index'];

const INT4 = 2 ** 31;

/** The part of a JSON schema that decides about a column. */
interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  /** Stands for another schema, as where that has an id: `#/$defs/<id>`. */
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

/**
 * One column for each field of the schema, as the field stands in the JSON: a codec counts by its input.
 * Whatever has no plain counterpart (nested values, unions) becomes `jsonb`.
 *
 * @throws LeatError `sink-unfit` if the records have no fixed fields or a name cannot be a column
 */
export function columnsOf(schema: ZodType): readonly Column[] {
  const root = jsonSchemaOf(schema);
  const { type, properties, required = [], additionalProperties } = resolved(root, root);
  const fields = Object.entries(properties ?? {});
  if (type !== 'object' || fields.length === 0) {
    throw unfit(`needs records with named fields, z.object({ … }), to make columns of.`);
  }
  if (additionalProperties !== undefined && additionalProperties !== false) {
    throw unfit(
      'has no columns for fields that the schema lets through without naming them. Use z.object, or ' +
        'move them into a field of their own.',
    );
  }
  return fields.map(([name, field]) => {
    checkSqlName('column', name);
    const { schema: inner, isNullable } = withoutNull(resolved(field, root), root);
    const isOptional = !required.includes(name);
    return { name, type: columnType(inner), isOptional, isNullable: isOptional || isNullable };
  });
}

type ToJsonSchema = NonNullable<Parameters<typeof z.toJSONSchema>[1]>;

/** What JSON schemas have no type for. */
const BIG_INTEGER: JsonSchema = { type: 'number', multipleOf: 1 };

function jsonSchemaOf(schema: ZodType): JsonSchema {
  try {
    // Zod's own type of a JSON schema is wider; the fields that matter here are as its standard says.
    const override: ToJsonSchema['override'] = ({ zodSchema, jsonSchema }) => {
      // oxlint-disable-next-line no-underscore-dangle -- that is its name
      if (zodSchema._zod.def.type === 'bigint') Object.assign(jsonSchema, BIG_INTEGER);
    };
    return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override }) as JsonSchema;
  } catch (error) {
    throw unfit(`cannot make columns of the schema: ${messageOf(error)}`, error);
  }
}

/** The schema itself where one stands for it. */
function resolved(field: JsonSchema, root: JsonSchema): JsonSchema {
  const [, name] = /^#\/\$defs\/(.+)$/.exec(field.$ref ?? '') ?? [];
  const found =
    name === undefined ? undefined : root.$defs?.[name.replaceAll('~1', '/').replaceAll('~0', '~')];
  return found === undefined ? field : resolved(found, root);
}

/** Splits `T | null` into `T` and whether NULL may come. What might be anything might be null. */
function withoutNull(
  field: JsonSchema,
  root: JsonSchema,
): { schema: JsonSchema; isNullable: boolean } {
  const { type, anyOf } = field;
  if (Array.isArray(type)) {
    const types: readonly string[] = type.filter((one) => one !== 'null');
    const [only] = types;
    const isNullable = types.length < type.length;
    if (types.length === 1 && only !== undefined) {
      return { schema: { ...field, type: only }, isNullable };
    }
    return { schema: {}, isNullable };
  }
  if (anyOf !== undefined) {
    const others = anyOf.filter((one) => one.type !== 'null');
    const [only] = others;
    if (others.length === 1 && only !== undefined && others.length < anyOf.length) {
      return { schema: withoutNull(resolved(only, root), root).schema, isNullable: true };
    }
    return { schema: {}, isNullable: true };
  }
  const values = valuesOf(field);
  const isNullable = values?.includes(null) ?? (type === undefined || type === 'null');
  return { schema: field, isNullable };
}

function columnType(field: JsonSchema): ColumnType {
  const values = valuesOf(field)?.filter((value) => value !== null);
  if (values !== undefined && values.length > 0) return typeOfValues(values);
  if (field.type === 'string') {
    if (field.format === 'date-time') return 'timestamp with time zone';
    return field.format === 'date' ? 'date' : 'text';
  }
  if (field.type === 'integer') {
    return isInt4(field.minimum) && isInt4(field.maximum) ? 'integer' : 'bigint';
  }
  // Steps of 0.01 are of a decimal, and a `BigInt` has no bounds.
  if (field.type === 'number')
    return field.multipleOf === undefined ? 'double precision' : 'numeric';
  return field.type === 'boolean' ? 'boolean' : 'jsonb';
}

function valuesOf({ const: value, enum: values }: JsonSchema): readonly unknown[] | undefined {
  return value === undefined ? values : [value];
}

function typeOfValues(values: readonly unknown[]): ColumnType {
  const isAll = (type: string): boolean => values.every((value) => typeof value === type);
  if (isAll('string')) return 'text';
  if (isAll('boolean')) return 'boolean';
  return isAll('number') ? 'double precision' : 'jsonb';
}

function isInt4(bound: number | undefined): boolean {
  return bound !== undefined && bound >= -INT4 && bound < INT4;
}

function unfit(sentence: string, cause?: unknown): LeatError {
  return new LeatError('sink-unfit', `The sink ${sentence}`, { cause });
}
