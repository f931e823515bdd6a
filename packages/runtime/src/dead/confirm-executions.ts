import { formatExecutions, settledSubject } from '@leat/core';
import { headers } from '@nats-io/transport-node';
import type { Publishing } from '../jetstream/publisher.ts';

/**
 * Writes down, beside a run's dead letters, which executions receipts have named: theirs are the letters
 * that count. Waits until it is stored. Twice does no harm.
 */
export async function confirmExecutions(
  { spec, publisher }: Publishing,
  run: string,
  executions: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const body = Buffer.from(formatExecutions(executions));
  await publisher.publish(settledSubject(spec.name, run), body, headers(), signal);
}
