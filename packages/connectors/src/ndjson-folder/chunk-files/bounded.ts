/**
 * Runs `task` on each item, at most `limit` at a time. When one fails no further ones are begun; the
 * error is thrown only after those under way have ended, so that the caller can clean up behind them.
 */
export async function eachBounded<Item>(
  items: readonly Item[],
  limit: number,
  task: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  let failure: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    // All lanes draw from the one iterator, so that each item is taken once.
    for (const item of rest) {
      try {
        await task(item);
      } catch (error) {
        failure ??= { error };
      }
      if (failure !== undefined) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  if (failure !== undefined) throw failure.error;
}
