import { intersection, looseObject, object, union, unknown, type ZodType } from 'zod';
import { invalid } from './check.ts';
import type { AddedFields } from './stages.ts';

/** One of the kinds of objects that a schema may stand for. */
interface Fields {
  readonly shape: Readonly<Record<string, ZodType>>;
  /** What may stand in fields without a name, as zod has it in `catchall`: nothing is left out, never is refused. */
  readonly rest: ZodType | undefined;
}

/**
 * The schema of records to which fields are added: what is there is read as the stage before wrote it, and each
 * added field as its own schema says.
 *
 * @param from that of the records before; what it has of records that are no objects is left out
 * @param added that of the added fields; without one, fields that `from` names stay as it has them
 * @throws LeatError `invalid-pipeline` if one of them does not stand for objects
 */
export function enrichedSchema(
  name: string,
  from: ZodType,
  added: ZodType | undefined,
): { readonly schema: ZodType; readonly added: AddedFields } {
  const before = fieldsOf(name, from);
  if (before.length === 0) {
    throw invalid(
      name,
      `enrich adds fields to objects, and the schema of the records that it reads is a z.${from.def.type}; use map instead`,
    );
  }
  if (added === undefined) {
    const loosened = before.map(({ shape }) => ({ shape, rest: unknown() }));
    return { schema: schemaOf(loosened), added: inferred(before) };
  }
  const after = fieldsOf(name, added);
  if (after.length === 0) {
    throw invalid(
      name,
      `the schema of enrich is that of the fields to add, a z.object; it is a z.${added.def.type}`,
    );
  }
  const joined = before.flatMap((one) => after.map((other) => join(one, other)));
  return {
    schema: schemaOf(joined),
    added: { schema: added, isInferred: false, known: new Set() },
  };
}

/** What is added where nobody says how: fields that records have already are written as before. */
function inferred(before: readonly Fields[]): AddedFields {
  const known = new Map<string, ZodType>();
  for (const { shape } of before) {
    for (const [name, field] of Object.entries(shape)) {
      const other = known.get(name);
      known.set(name, other === undefined ? field : union([other, field]));
    }
  }
  const shape = Object.fromEntries([...known].map(([name, field]) => [name, field.optional()]));
  return { schema: looseObject(shape), isInferred: true, known: new Set(known.keys()) };
}

function schemaOf(fields: readonly Fields[]): ZodType {
  const [first, ...others] = fields.map(({ shape, rest }) => {
    const isAnything = rest?.def.type === 'unknown' && Object.keys(shape).length === 0;
    if (isAnything) return unknown();
    return rest === undefined ? object(shape) : object(shape).catchall(rest);
  });
  return others.length === 0 && first !== undefined
    ? first
    : union([first, ...others] as ZodType[]);
}

function join(before: Fields, added: Fields): Fields {
  const shape: Record<string, ZodType> = { ...before.shape };
  for (const [name, field] of Object.entries(added.shape)) {
    const old = before.shape[name];
    // What is not added leaves the field that was there.
    shape[name] = old !== undefined && mayBeAbsent(field) ? union([field, old]) : field;
  }
  return { shape, rest: joinRest(before.rest, added.rest) };
}

function mayBeAbsent(field: ZodType): boolean {
  // oxlint-disable-next-line no-underscore-dangle -- that is its name
  return field._zod.optin !== undefined;
}

/** Fields without a name that are left out or refused are not there any more when records are written. */
function joinRest(before: ZodType | undefined, added: ZodType | undefined): ZodType | undefined {
  if (added === undefined || isNever(added)) return before;
  if (before === undefined || isNever(before)) return added;
  return union([before, added]);
}

function isNever({ def }: ZodType): boolean {
  return def.type === 'never';
}

/** What its parts are called differs by type; each is looked at for its type alone. */
interface Definition {
  readonly type: string;
  readonly shape: Readonly<Record<string, ZodType>>;
  readonly catchall?: ZodType;
  readonly valueType: ZodType;
  readonly options: readonly ZodType[];
  readonly left: ZodType;
  readonly right: ZodType;
  readonly innerType: ZodType;
  readonly in: ZodType;
  readonly getter: () => ZodType;
}

/**
 * The kinds of objects that a schema stands for, as they are in the JSON.
 *
 * @throws LeatError `invalid-pipeline` if a codec makes something else of an object: it would not know the new fields
 */
function fieldsOf(
  name: string,
  schema: ZodType,
  within: readonly ZodType[] = [],
): readonly Fields[] {
  if (within.includes(schema)) return [];
  const inner = (part: ZodType): readonly Fields[] => fieldsOf(name, part, [...within, schema]);
  const def = schema.def as unknown as Definition;
  switch (def.type) {
    case 'object':
      return [{ shape: def.shape, rest: def.catchall }];
    case 'record':
      return [{ shape: {}, rest: def.valueType }];
    case 'any':
    case 'unknown':
    case 'custom':
      return [{ shape: {}, rest: unknown() }];
    case 'union':
      return def.options.flatMap(inner);
    case 'intersection': {
      const right = inner(def.right);
      return inner(def.left).flatMap((one) => right.map((other) => both(one, other)));
    }
    case 'lazy':
      return inner(def.getter());
    case 'pipe':
      if (inner(def.in).length === 0) return [];
      throw invalid(
        name,
        'enrich adds fields to objects as they stand in the JSON, and a schema makes something else of them by a z.codec or z.pipe; use map instead',
      );
    default:
      return WRAPPERS.has(def.type) ? inner(def.innerType) : [];
  }
}

const WRAPPERS: ReadonlySet<string> = new Set([
  'optional',
  'nullable',
  'nonoptional',
  'default',
  'prefault',
  'catch',
  'readonly',
]);

function both(left: Fields, right: Fields): Fields {
  const shape: Record<string, ZodType> = { ...left.shape };
  for (const [name, field] of Object.entries(right.shape)) {
    const other = left.shape[name];
    shape[name] = other === undefined ? field : intersection(other, field);
  }
  return { shape, rest: joinRest(left.rest, right.rest) };
}
