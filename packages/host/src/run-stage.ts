import { runMapper } from '@leat/mapper';
import type { LogFormat, Logger, PipelineConnection, Telemetry } from '@leat/runtime';
import { runSaver } from '@leat/saver';
import type { Mapper, Pipeline, Saver } from '@leat/sdk';

/** What the stages of a process share. */
export interface ServiceHost {
  readonly connection: PipelineConnection;
  readonly pipeline: Pipeline;
  /** Its absolute path; without it, no mapper can have threads or a time-out. */
  readonly pipelineFile: string | undefined;
  readonly codeVersion: string | undefined;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** How worker threads log. */
  readonly log: { readonly format: LogFormat; readonly level: string };
  /** Finish what is in hand, and pull no more. */
  readonly stop: AbortSignal;
  /** Leave everything. */
  readonly abort: AbortSignal;
}

/** Hosts one replica of a mapper or saver, until it is told to stop. */
export function runStage(host: ServiceHost, stage: Mapper | Saver): Promise<void> {
  const { pipelineFile, log, ...rest } = host;
  const logger = host.logger.child({ pipeline: host.pipeline.name, stage: stage.name });
  const common = { ...rest, logger };
  return stage.kind === 'mapper'
    ? runMapper({
        ...common,
        mapper: stage,
        log,
        ...(pipelineFile !== undefined && { pipelineFile }),
      })
    : runSaver({ ...common, saver: stage });
}
