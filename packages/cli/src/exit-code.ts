import { LeatError, type LeatErrorCode, type RunState } from '@leat/core';

/** What the shell is told. Kept stable: scripts depend on it. */
export const EXIT = {
  ok: 0,
  /** The run failed, was cancelled or paused by itself, or `verify` found something wrong. */
  failed: 1,
  /** Nothing was done: the command, the pipeline, the configuration or the server is not right. */
  unusable: 2,
  /** The run completed, with dead letters. */
  deadLetters: 3,
  /** Interrupted by Ctrl-C or SIGTERM. */
  interrupted: 130,
  /** What read standard output went away before all was written: as of a command that SIGPIPE ends. */
  readerGone: 141,
} as const;

export function exitCodeOfState(state: RunState): number {
  switch (state) {
    case 'completed':
      return EXIT.ok;
    case 'completed-with-dead-letters':
      return EXIT.deadLetters;
    case 'failed':
    case 'cancelled':
    case 'paused':
      return EXIT.failed;
    case 'pending':
    case 'running':
      return EXIT.interrupted;
  }
}

const RUN_FAILURES: ReadonlySet<LeatErrorCode> = new Set([
  'source-damaged',
  'source-changed',
  'run-failed',
  'lease-lost',
  'fenced',
]);

export function exitCodeOfError(error: unknown): number {
  const isUnusable = error instanceof LeatError && !RUN_FAILURES.has(error.code);
  return isUnusable ? EXIT.unusable : EXIT.failed;
}
