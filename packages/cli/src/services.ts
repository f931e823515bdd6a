import type { Mapper, Pipeline, Saver } from '@leat/sdk';
import type { PipelineConnection } from '@leat/runtime';
import { runMapper } from '@leat/mapper';
import { runSaver } from '@leat/saver';
import type { Call } from './command.ts';
import type { Shutdown } from './shutdown.ts';

/** What the stage services of a process share. */
export interface ServiceHost {
  readonly call: Call;
  readonly connection: PipelineConnection;
  readonly pipeline: Pipeline;
  readonly pipelineFile: string;
  readonly codeVersion: string;
  readonly shutdown: Pick<Shutdown, 'stop' | 'abort'>;
}

/** Hosts one replica of a mapper or saver, until the shutdown. */
export function runStage(host: ServiceHost, stage: Mapper | Saver): Promise<void> {
  const { call, connection, pipeline, pipelineFile, codeVersion, shutdown } = host;
  const logger = call.logger.child({ pipeline: pipeline.name, stage: stage.name });
  const common = { connection, pipeline, codeVersion, logger, ...shutdown };
  return stage.kind === 'mapper'
    ? runMapper({ ...common, mapper: stage, pipelineFile, log: call.settings.log })
    : runSaver({ ...common, saver: stage });
}
