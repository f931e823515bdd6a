import type { Mapper } from '@leat/sdk';
import { createLogger, loadPipeline, type LogFormat } from '@leat/runtime';
import { ChunkWorker } from './worker.ts';

/**
 * What a thread or process is started with that works on chunks for a mapper: functions cannot be handed
 * over, so it loads the pipeline file itself.
 */
export interface RemoteData {
  readonly pipelineFile: string;
  readonly stage: string;
  readonly log: { readonly format: LogFormat; readonly level: string };
}

export async function remoteWorker(data: RemoteData): Promise<ChunkWorker> {
  const pipeline = await loadPipeline(data.pipelineFile);
  const mapper = pipeline.stages.find((each) => each.name === data.stage) as Mapper;
  return new ChunkWorker(mapper, createLogger(data.log));
}
