/** What became of one record: lines of JSON for its results, or why it was given up. */
export type Outcome =
  | { readonly lines: readonly string[] }
  | { readonly error: unknown; readonly attempts: number };
