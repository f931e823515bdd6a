import { LeatError, type RunProgress } from '@leat/core';
import { errors } from '@nats-io/transport-node';

/** Whether the client refuses a message for its size, by the server's max_payload; a stream's own limit is raised. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof errors.InvalidArgumentError;
}

/** The error of a run whose ledger is larger than a message may be. */
export function tooLarge(run: string, progress: RunProgress, cause: unknown): LeatError {
  const bytes = Buffer.byteLength(JSON.stringify(progress));
  const cursorBytes = Buffer.byteLength(JSON.stringify(progress.ledger.cursor));
  return new LeatError(
    'run-failed',
    `The ledger of the run ${run} takes ${bytes} bytes, ${cursorBytes} of them the cursor of its source, and must fit into one message (max_payload of the NATS server, 1 MiB by default): take a smaller window, a source with smaller cursors, or a larger max_payload.`,
    { cause },
  );
}
