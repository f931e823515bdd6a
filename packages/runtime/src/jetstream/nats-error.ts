import { JetStreamApiError, JetStreamError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';

const KINDS = [...Object.values(errors), JetStreamApiError, JetStreamError];

/** Whether an error, or what caused it, was thrown by the client of NATS; others say nothing about a server. */
export function isNatsError(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    const thrown = each;
    if (KINDS.some((kind) => thrown instanceof kind)) return true;
  }
  return false;
}
