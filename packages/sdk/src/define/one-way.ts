import { ZodType } from 'zod';

/**
 * The first part of a schema that goes one way only (`.transform`), by its path, or `undefined`. A stage's
 * records are encoded to JSON and decoded again by the next stage, so its schema must go both ways: a
 * codec does.
 */
export function oneWayPart(schema: ZodType): string | undefined {
  return search(schema, 'the schema', new Set(), ({ type }) => type === 'transform')?.path;
}

/** What `JSON.stringify` makes something else of. */
const NOT_WRITTEN: ReadonlySet<string> = new Set(['date', 'map', 'set', 'nan']);

/**
 * The first part of a schema whose values would be written as they are and that JSON cannot hold, by its path,
 * or `undefined`. What a codec reads them as is not written. A `z.lazy` is not looked into: what it stands for
 * may not be there yet.
 */
export function unwritablePart(schema: ZodType): FoundPart | undefined {
  return search(schema, 'the schema', new Set(), ({ type }) => NOT_WRITTEN.has(type), 'out');
}

interface FoundPart {
  readonly path: string;
  /** As zod names it: `date`. */
  readonly type: string;
}

/** @param without a part of definitions that is not looked at */
function search(
  value: unknown,
  path: string,
  seen: Set<unknown>,
  isWanted: (def: ZodType['def']) => boolean,
  without?: string,
): FoundPart | undefined {
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined;
  seen.add(value);
  const isSchema = value instanceof ZodType;
  if (isSchema && isWanted(value.def)) return { path, type: value.def.type };
  for (const [key, part] of Object.entries(isSchema ? value.def : value)) {
    if (isSchema ? key === without : !(part instanceof ZodType)) continue;
    const below = isPlumbing(key) ? path : `${path}.${key}`;
    const found = search(part, below, seen, isWanted, without);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Parts of a definition that a reader of the schema does not see. */
function isPlumbing(key: string): boolean {
  return ['in', 'out', 'shape', 'innerType', 'element', 'options', 'valueType'].includes(key);
}
