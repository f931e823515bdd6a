import * as z from 'zod';

/**
 * Whether a value that others may have written is of the right shape. What is not is as good as not there.
 * The value itself is used then and no copy of it, so what a newer Leat added to it survives a rewrite.
 */
export type Shape<T> = (value: unknown) => value is T;

/** The check of a schema; objects in it should be loose, since a newer Leat may add to them. */
export function shapeOf<T>(schema: z.ZodType<T>): Shape<T> {
  return (value): value is T => schema.safeParse(value).success;
}

/** A whole number from 0 that JavaScript holds exactly. */
export const COUNT: z.ZodInt = z.int().min(0);

/** A point in time, ISO 8601. */
export const INSTANT: z.ZodString = z.string().refine((text) => !Number.isNaN(Date.parse(text)));
