import type { ZodError } from 'zod';

/** What a schema found, in one line: `population: Invalid input: expected number, received string`. */
export function describeIssues(error: ZodError): string {
  return error.issues
    .slice(0, 3)
    .map(({ path, message }) =>
      path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`,
    )
    .join('; ');
}
