import type { RunReport } from '@leat/core';
import type { Pipeline } from '@leat/sdk';
import type { Meter, PipelineConnection } from '@leat/runtime';
import type { Answer } from '../http-endpoint.ts';
import { createInstruments } from './instruments.ts';
import type { Role } from '../role.ts';
import { RunGauges } from './run-gauges.ts';
import { lookAtServer } from './server-gauges.ts';
import { createMeter } from './stage-meter.ts';

/** What a process tells of its work in numbers, on `/metrics`. */
export interface Measurement {
  readonly meter: Meter;
  /** To be told of the connection, once there is one. */
  readonly watch: (connection: PipelineConnection) => void;
  readonly onLease: (fence: number | undefined) => void;
  readonly onProgress: (report: RunReport) => void;
  readonly onWindow: (chunks: number) => void;
  /** The answer to a scraper, in Prometheus' text format. */
  readonly answer: () => Promise<Answer>;
}

/**
 * Measures a service.
 *
 * @param stages those that the service hosts
 */
export function measure(
  pipeline: Pipeline,
  roles: readonly Role[],
  stages: readonly string[],
): Measurement {
  const { registry, instruments } = createInstruments(pipeline, roles);
  const gauges = new RunGauges(instruments);
  const meter = createMeter(instruments);
  // So that they are there before the first chunk comes.
  for (const stage of stages) meter(stage);
  let connection: PipelineConnection | undefined;
  let refused = 0;
  return {
    meter,
    watch: (found) => {
      connection = found;
      const { link } = found;
      link.onChange(() => {
        if (link.isUp) instruments.natsReconnects.inc();
      });
    },
    onLease: (fence) => gauges.lease(fence),
    onWindow: (chunks) => gauges.window(chunks),
    onProgress: (report) => gauges.show(report, Date.now() / 1_000),
    answer: async () => {
      const now = connection?.signing?.refused ?? 0;
      instruments.messagesRefused.inc(now - refused);
      refused = now;
      await lookAtServer(instruments, connection, stages);
      return { status: 200, text: await registry.metrics(), type: registry.contentType };
    },
  };
}
