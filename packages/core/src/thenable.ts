/**
 * Whether a value is a promise by its shape, as `await` sees it: a query builder and a promise of another library
 * are, too. It never throws: a value whose `then` cannot be read is not one.
 */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  try {
    return typeof (value as { readonly then?: unknown }).then === 'function';
  } catch {
    return false;
  }
}
