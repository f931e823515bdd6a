import type { ZodType } from 'zod';

/** A part of a schema, by its path: `the schema.items.at`. */
export interface SchemaPart {
  readonly path: string;
  /** As zod names it: `date`. */
  readonly type: string;
}

/**
 * The first part of a schema that goes one way only (`.transform`), or `undefined`. A stage's records are encoded
 * to JSON and decoded again by the next stage, so its schema must go both ways: a codec does.
 */
export function oneWayPart(schema: ZodType): SchemaPart | undefined {
  return search(schema, (def) => def.type === 'transform');
}

/** What JSON has no words for, by the names of zod. */
const NOT_JSON: ReadonlySet<string> = new Set([
  'bigint',
  'date',
  'file',
  'function',
  'map',
  'nan',
  'promise',
  'set',
  'symbol',
  'undefined',
  'void',
]);

/**
 * The first part of a schema that stands in the JSON as it is and that JSON cannot hold, or `undefined`. What a
 * codec reads a part as may be anything. What only the value shows (`z.any`, `z.custom`) is judged then.
 *
 * @param coerced what may be made of text or of a number by `z.coerce`: `date`
 */
export function notJsonPart(schema: ZodType, coerced: readonly string[]): SchemaPart | undefined {
  return search(
    schema,
    ({ type, coerce, values }) => {
      if (type === 'literal') return values.some((value) => !isJsonScalar(value));
      return NOT_JSON.has(type) && !(coerce === true && coerced.includes(type));
    },
    'out',
  );
}

const COERCING = new WeakMap<ZodType, boolean>();

/** Whether a schema makes a number of text anywhere (`z.coerce.number`). It is looked up once for each schema. */
export function coercesNumbers(schema: ZodType): boolean {
  const known = COERCING.get(schema);
  if (known !== undefined) return known;
  const found = search(schema, ({ type, coerce }) => type === 'number' && coerce === true);
  COERCING.set(schema, found !== undefined);
  return found !== undefined;
}

function isJsonScalar(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

/** As much of a definition as is looked at; what the other parts are called differs by type. */
interface Definition {
  readonly type: string;
  readonly coerce?: boolean;
  /** Those of a literal. */
  readonly values: readonly unknown[];
  readonly getter?: () => unknown;
}

/** @param without a part of definitions that is not looked at */
function search(
  schema: ZodType,
  isWanted: (def: Definition) => boolean,
  without?: string,
): SchemaPart | undefined {
  const seen = new Set<unknown>();
  const look = (value: unknown, path: string): SchemaPart | undefined => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return undefined;
    seen.add(value);
    const def = definitionOf(value);
    if (def !== undefined && isWanted(def)) return { path, type: def.type };
    for (const [key, part] of Object.entries(def === undefined ? value : partsOf(def))) {
      if (def === undefined ? definitionOf(part) === undefined : key === without) continue;
      const found = look(part, isPlumbing(key) ? path : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return look(schema, 'the schema');
}

/** The definition of a schema of zod 4, of whichever copy or flavour of it; `undefined` for anything else. */
function definitionOf(value: unknown): Definition | undefined {
  if (typeof value !== 'object' || value === null || !('_zod' in value)) return undefined;
  // oxlint-disable-next-line no-underscore-dangle -- that is its name
  return (value._zod as { readonly def: Definition }).def;
}

function partsOf(def: Definition): object {
  if (def.type !== 'lazy' || def.getter === undefined) return def;
  try {
    return { innerType: def.getter() };
  } catch {
    return {}; // what it stands for is not there yet
  }
}

/** Parts of a definition that a reader of the schema does not see. */
function isPlumbing(key: string): boolean {
  return ['in', 'out', 'shape', 'innerType', 'element', 'options', 'valueType'].includes(key);
}
