import type { LogFormat, Logger, PipelineConnection, Telemetry } from '@leat/runtime';
import type { Mapper, Pipeline, Saver } from '@leat/sdk';

/** What the stages of a process share. */
export interface ServiceHost {
  readonly connection: PipelineConnection;
  readonly pipeline: Pipeline;
  /** Its absolute path; without it, no mapper can have threads or a time-out. */
  readonly pipelineFile?: string | undefined;
  readonly codeVersion?: string | undefined;
  readonly logger: Logger;
  readonly telemetry?: Telemetry | undefined;
  /** How worker threads log. */
  readonly log: { readonly format: LogFormat; readonly level: string };
  /**
   * The one run that this process works on, over a server of its own: the chunks of others wait on their queues.
   * @defaultValue every run
   */
  readonly only?: string | undefined;
  /** Finish what is in hand, and pull no more. */
  readonly stop: AbortSignal;
  /** Leave everything. */
  readonly abort: AbortSignal;
}

/** What mappers and savers are given alike. */
export function optionsOf(host: ServiceHost, { name }: Mapper | Saver): ServiceOptions {
  const { pipelineFile, ...rest } = host;
  const logger = host.logger.child({ pipeline: host.pipeline.name, stage: name });
  return { ...rest, logger, ...(pipelineFile !== undefined && { pipelineFile }) };
}

/** A host, with the logger of one stage. */
type ServiceOptions = Omit<ServiceHost, 'pipelineFile'> & { readonly pipelineFile?: string };
