import type { ZodType } from 'zod';

/** From JSON to values, as zod's `safeParse` does. */
export const DECODE = { async: false } as const;
/** From values to JSON, as zod's `safeEncode` does. */
export const ENCODE = { async: false, direction: 'backward' } as const;

/** A value as the schema has it; what was wrong with it, if there are issues. */
interface Applied {
  readonly value: unknown;
  readonly issues: readonly unknown[];
}

/**
 * Applies a schema by the way that zod keeps for libraries: what `safeParse` and `safeEncode` make anew for
 * each call, their options and their result, costs more than a small record.
 *
 * @param to {@link DECODE} or {@link ENCODE}
 * @throws Error if the schema needs to wait, and whatever its functions throw
 */
export function applySchema(
  schema: ZodType,
  value: unknown,
  to: typeof DECODE | typeof ENCODE,
): Applied {
  try {
    const applied = run(schema, value, to);
    if (!isWaiting(applied)) return applied;
  } catch (error) {
    // Zod takes a promise in the midst of a schema for a result, and falls over it.
    if (!isWaiting(run(schema, value, { ...to, async: true }))) throw error;
  }
  throw new TypeError('it needs to wait for something, and a record is read and written at once');
}

function run(
  schema: ZodType,
  value: unknown,
  to: { readonly async: boolean; readonly direction?: 'backward' },
): Applied | Promise<Applied> {
  // oxlint-disable-next-line no-underscore-dangle -- that is its name
  return schema._zod.run({ value, issues: [] }, to);
}

function isWaiting(applied: Applied | Promise<Applied>): applied is Promise<Applied> {
  if (!(applied instanceof Promise)) return false;
  applied.catch(() => undefined);
  return true;
}
