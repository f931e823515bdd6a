import type { RunRequest } from '@leat/core';
import { runFetcher } from '@leat/fetcher';
import { runStage } from '@leat/host';
import type { Pipeline, Stage } from '@leat/sdk';
import { type Logger, type PipelineConnection, pipelineConnectionOver, wait } from '@leat/runtime';
import { type NatsConnection, NatsConnectionImpl } from '@nats-io/transport-node';
import type { Plant } from './plant.ts';
import type { Scenario } from './scenario.ts';
import type { Main, SimulatedProcess } from './simulated-process.ts';

const RETRY_MS = 1_000;
/** So small that windows of a dozen chunks size themselves. */
const WINDOW_RULES = { first: 2, reserve: 1 };
/** The longest until the operator looks again whether the run is still known. */
const MAX_OPERATOR_LOOK_MS = 15_000;

/** What the processes of a pipeline share. */
export interface Host {
  readonly scenario: Scenario;
  /** What the operator asks for at the moment. */
  request: RunRequest;
  readonly plant: Plant | undefined;
  readonly loggerOf: (process: SimulatedProcess) => Logger;
  readonly hasEnded: () => boolean;
}

/** The life of a service process, as the `leat` command leads it, with some pipeline file. */
export function serve(host: Host, pipeline: Pipeline, stage: Stage): Main {
  return async (process) => {
    const connection = await connect(host, pipeline, process);
    const logger = host.loggerOf(process);
    const { stop, abort } = process;
    const common = { connection, pipeline, logger, stop: stop.signal, abort: abort.signal };
    const log = { format: 'json', level: 'silent' } as const;
    try {
      if (stage.kind === 'fetcher') await runFetcher({ ...common, windowRules: WINDOW_RULES });
      else await Promise.all(runStage({ ...common, log }, stage));
    } finally {
      await connection.close();
    }
  };
}

/**
 * The one who wants the run: starts it, starts it again should the broker forget all about it, and cancels it
 * when told that its sink is another run's.
 */
export function operate(host: Host): Main {
  return async (process) => {
    const { runs, repair } = await connect(host, host.scenario.pipeline, process);
    for (;;) {
      try {
        const asked = host.request;
        const { run } = asked;
        if (host.hasEnded()) {
          await wait(RETRY_MS);
          continue;
        }
        const found = await runs.get(run);
        if (host.request !== asked) continue;
        if (found === undefined) await runs.restore(asked);
        // Begun by others meanwhile: who begins a run that is there goes on with it.
        else host.request = found;
        const troubles = await runs.notes.troubles(run);
        const { createdAt } = host.request;
        // Of a replica that still works for the run's predecessor he hears that the sink is this run's.
        const isTaken = troubles.some(
          ({ reason }) => reason.includes('choose another run id') && !reason.includes(createdAt),
        );
        if (isTaken) await runs.wishes.set(run, 'cancel');
        await wait(MAX_OPERATOR_LOOK_MS * Math.random());
      } catch {
        await repair().catch(() => undefined);
        await wait(RETRY_MS);
      }
    }
  };
}

/** Connects patiently, as `openConnection` does. */
async function connect(
  host: Host,
  { spec }: Pipeline,
  process: SimulatedProcess,
): Promise<PipelineConnection> {
  const logger = host.loggerOf(process);
  for (;;) {
    try {
      const nats = await NatsConnectionImpl.connect({
        servers: 'model:4222',
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        reconnectJitter: 250,
        pingInterval: 10_000,
        noAsyncTraces: true,
        timeout: 5_000,
      });
      const connection = await pipelineConnectionOver(nats, spec, host.scenario.topology, {
        logger,
        address: 'model:4222',
        holder: (beatMs) => holderOf(nats, beatMs, host.plant),
      });
      host.plant?.spoil?.(connection, process);
      return connection;
    } catch (error) {
      logger.debug({ err: error }, 'not connected yet');
      await wait(RETRY_MS);
    }
  }
}

/** Holds messages as the holder thread does, on the process's own connection. */
function holderOf(
  nats: NatsConnection,
  beatMs: number,
  plant: Plant | undefined,
): PipelineConnection['holder'] {
  const held = new Set<string>();
  const beating = setInterval(() => {
    for (const reply of held) nats.publish(reply, '+WPI');
  }, beatMs);
  return {
    hold: (reply) => {
      held.add(reply);
      plant?.onHold?.(reply, () => nats.publish(reply, '+ACK'));
      return () => held.delete(reply);
    },
    close: () => {
      clearInterval(beating);
      return Promise.resolve();
    },
  };
}
