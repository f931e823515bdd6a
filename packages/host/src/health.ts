import type { PipelineConnection } from '@leat/runtime';
import type { Answer } from './http-endpoint.ts';

/** As much of a `PipelineConnection` as readiness is judged by. */
export interface ConnectionState {
  readonly link: Pick<PipelineConnection['link'], 'isUp'>;
  readonly health: Pick<PipelineConnection['health'], 'isPulling'>;
  readonly topology: {
    readonly queues: readonly {
      readonly stage: string;
      readonly stream: { readonly name: string };
    }[];
  };
}

/** Whether a service is ready for work, and if not, why. */
export interface Health {
  readonly isReady: boolean;
  readonly reason?: string;
}

/** What readiness is judged by. */
export interface ServiceState {
  /** Undefined until there is one. */
  readonly connection: ConnectionState | undefined;
  /** The stages that the service takes chunks for. */
  readonly stages: readonly string[];
  readonly isStopping: boolean;
}

/**
 * The answers to the probes of an orchestrator. `/healthz`: the process lives and its event loop turns, or
 * nobody would answer. `/readyz`: it is connected, and pulls from the queue of each of its stages.
 */
export function healthRoutes(state: () => ServiceState): {
  readonly '/healthz': () => Answer;
  readonly '/readyz': () => Answer;
} {
  return {
    '/healthz': () => ({ status: 200, text: 'alive' }),
    '/readyz': () => {
      const { isReady, reason } = healthOf(state());
      return isReady
        ? { status: 200, text: 'ready' }
        : { status: 503, text: `not ready: ${reason}` };
    },
  };
}

/** A service is ready when it is connected, and pulls from the queue of each of its stages. */
export function healthOf(state: ServiceState): Health {
  const reason = whyNotReady(state);
  return reason === undefined ? { isReady: true } : { isReady: false, reason };
}

/** Why a service is not ready for work; undefined if it is. */
function whyNotReady({ connection, stages, isStopping }: ServiceState): string | undefined {
  if (isStopping) return 'it was asked to stop, and finishes what is in hand';
  if (connection === undefined) return 'no NATS server has answered yet';
  const { link, health, topology } = connection;
  if (!link.isUp) return 'the connection to NATS is down';
  const waiting = topology.queues.filter(
    ({ stage, stream }) => stages.includes(stage) && !health.isPulling(stream.name),
  );
  if (waiting.length === 0) return undefined;
  return `it does not pull yet from ${waiting.map(({ stream }) => stream.name).join(', ')}`;
}
