import { ZodType } from 'zod';

/**
 * The first part of a schema that goes one way only (`.transform`), by its path, or `undefined`. A stage's
 * records are encoded to JSON and decoded again by the next stage, so its schema must go both ways: a
 * codec does.
 */
export function oneWayPart(schema: ZodType): string | undefined {
  return search(schema, 'the schema', new Set());
}

function search(value: unknown, path: string, seen: Set<unknown>): string | undefined {
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined;
  seen.add(value);
  const isSchema = value instanceof ZodType;
  if (isSchema && value.def.type === 'transform') return path;
  for (const [key, part] of Object.entries(isSchema ? value.def : value)) {
    if (!isSchema && !(part instanceof ZodType)) continue;
    const found = search(part, isPlumbing(key) ? path : `${path}.${key}`, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Parts of a definition that a reader of the schema does not see. */
function isPlumbing(key: string): boolean {
  return ['in', 'out', 'shape', 'innerType', 'element', 'options', 'valueType'].includes(key);
}
