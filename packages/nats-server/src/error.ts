/** The one error of this package: a sentence that says what was wanted, what was met, and what to do. */
export class NatsServerError extends Error {
  override readonly name: string = 'NatsServerError';
}

/** The message of anything that was thrown, its cause's included where the message alone says little. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // fetch reports every network failure as "fetch failed" and hides what happened in the cause.
  if (error.message === 'fetch failed' && error.cause !== undefined) return reasonOf(error.cause);
  return error.message === '' ? (errorCode(error) ?? error.name) : error.message;
}

/** The code of a system error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
