import { jsonText } from '@leat/core';
import type { ZodType } from 'zod';

const known = new WeakMap<ZodType, boolean>();

/**
 * Whether all that a schema encodes is sure to be JSON, so that no result need be looked through: it is made of
 * texts, numbers, booleans and the like, and of objects and lists of them, and has no checks that are functions.
 * It is looked at once.
 */
export function isClosed(schema: ZodType): boolean {
  let closed = known.get(schema);
  if (closed === undefined) known.set(schema, (closed = new Search().isClosed(schema, false)));
  return closed;
}

/** What its parts are called differs by type; each is looked at for its type alone. */
interface Definition {
  readonly type: string;
  readonly checks?: readonly { readonly _zod: { readonly def: { readonly check: string } } }[];
  readonly values: readonly unknown[];
  readonly entries: Readonly<Record<string, unknown>>;
  readonly innerType: ZodType;
  readonly element: ZodType;
  readonly keyType: ZodType;
  readonly valueType: ZodType;
  readonly in: ZodType;
  readonly options: readonly ZodType[];
  readonly items: readonly ZodType[];
  readonly rest: ZodType | null;
  readonly shape: Readonly<Record<string, ZodType>>;
  readonly catchall?: ZodType;
  readonly getter: () => ZodType;
}

const CLOSED: ReadonlySet<string> = new Set([
  'string',
  'number',
  'boolean',
  'null',
  'never',
  'template_literal',
]);
const WRAPPERS: ReadonlySet<string> = new Set([
  'nullable',
  'default',
  'prefault',
  'nonoptional',
  'readonly',
]);

class Search {
  /** A schema within itself is as closed as what is around it; for properties, and for the rest. */
  readonly #properties = new Set<ZodType>();
  readonly #others = new Set<ZodType>();

  /** @param isProperty whether `undefined` is left out, as it is in an object */
  isClosed(schema: ZodType, isProperty: boolean): boolean {
    const seen = isProperty ? this.#properties : this.#others;
    if (seen.has(schema)) return true;
    seen.add(schema);
    const def = schema.def as unknown as Definition;
    // They may put another value in its place.
    // oxlint-disable-next-line no-underscore-dangle -- that is its name
    const checks = def.checks?.map((each) => each._zod.def.check) ?? [];
    if (checks.includes('overwrite') || checks.includes('custom')) return false;
    return this.#isClosedType(def, isProperty);
  }

  #isClosedType(def: Definition, isProperty: boolean): boolean {
    if (CLOSED.has(def.type)) return true;
    if (WRAPPERS.has(def.type)) return this.isClosed(def.innerType, isProperty);
    switch (def.type) {
      case 'enum':
        return 'text' in jsonText(def.entries);
      case 'literal':
        return 'text' in jsonText(def.values);
      case 'optional':
        return isProperty && this.isClosed(def.innerType, isProperty);
      case 'lazy':
        return this.isClosed(def.getter(), isProperty);
      case 'pipe': // a codec is one
        return this.isClosed(def.in, isProperty);
      case 'union':
        return def.options.every((option) => this.isClosed(option, isProperty));
      default:
        return this.#isClosedContainer(def);
    }
  }

  #isClosedContainer(def: Definition): boolean {
    const areClosed = (parts: readonly (ZodType | null | undefined)[]): boolean =>
      parts.every((part) => part === undefined || part === null || this.isClosed(part, false));
    switch (def.type) {
      case 'array':
        return areClosed([def.element]);
      case 'tuple':
        return areClosed([...def.items, def.rest]);
      case 'record':
        return areClosed([def.keyType, def.valueType]);
      case 'object':
        return (
          areClosed([def.catchall]) &&
          Object.values(def.shape).every((part) => this.isClosed(part, true))
        );
      default:
        return false; // anything else may be anything
    }
  }
}
