/**
 * Every way in which Leat refuses or gives up, as a closed list. `docs/errors.md` says of each what to do.
 *
 * `invalid-*` and `source-missing` are the caller's to mend before anything runs; `sink-taken` says that
 * a sink has another run of the same id; `source-damaged` and `run-failed` end a run; `topology-mismatch`, `unfit-server` and `unreachable` concern the NATS server.
 * `lease-lost` and `fenced` tell a service that slept that another has taken its place. `newer-version` says
 * that only a newer version of Leat can read what was found, which is left as it is.
 */
export const LEAT_ERROR_CODES = [
  'invalid-configuration',
  'invalid-name',
  'invalid-pipeline',
  'invalid-message',
  'source-missing',
  'source-damaged',
  'source-changed',
  'sink-unfit',
  'sink-taken',
  'records-rejected',
  'topology-mismatch',
  'unfit-server',
  'unreachable',
  'run-exists',
  'run-failed',
  'run-state',
  'run-unknown',
  'lease-lost',
  'fenced',
  'newer-version',
] as const;

/** One of {@link LEAT_ERROR_CODES}. */
export type LeatErrorCode = (typeof LEAT_ERROR_CODES)[number];

/**
 * The one error class of Leat. The message is a whole sentence that says what was expected, what was
 * found and what to do; `code` is for programs.
 */
export class LeatError extends Error {
  override readonly name: string = 'LeatError';
  readonly code: LeatErrorCode;
  /** With the code `fenced`: the fence that the sink has, if it says so. Then the run's fetcher can rise above it. */
  declare readonly fence?: number;

  constructor(
    code: LeatErrorCode,
    message: string,
    options?: { readonly cause?: unknown; readonly fence?: number },
  ) {
    super(message, options);
    this.code = code;
    if (options?.fence !== undefined) this.fence = options.fence;
  }
}

/** An error as people are shown it, with the code by which `docs/errors.md` has it: `[sink-unfit] The sink …`. */
export function errorText({ code, message }: LeatError): string {
  return `[${code}] ${message}`;
}

/** Throw it from a stage: retrying cannot help, the record goes to the dead letters at once. */
export class TerminalError extends Error {
  override readonly name: string = 'TerminalError';
}

/**
 * Throw it from a stage: somebody else is busy (a rate limit, a restart). The record waits and is tried
 * again; no attempt is used up.
 */
export class BusyError extends Error {
  override readonly name: string = 'BusyError';
}

/** As {@link BusyError}, when the callee said how long to wait (HTTP `Retry-After`). */
export class RetryAfterError extends BusyError {
  override readonly name: string = 'RetryAfterError';
  /** Milliseconds to wait before the next attempt. */
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number, message?: string, options?: { readonly cause?: unknown }) {
    super(message ?? `asked to come back in ${retryAfterMs} ms`, options);
    this.retryAfterMs = retryAfterMs;
  }
}
