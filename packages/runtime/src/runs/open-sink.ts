import { identityOf, type RunRequest } from '@leat/core';
import type { Logger, Pipeline, Saver, SinkSession } from '@leat/sdk';
import { runInfoOf } from './run-info.ts';

/**
 * Opens a saver's sink to read what it has of a run: without a fence, so it raises none and can commit nothing.
 *
 * @throws LeatError `sink-taken` if it has another run of that id, or `sink-unfit`; and whatever the sink throws
 */
export async function openSinkToRead(
  request: RunRequest,
  pipeline: Pipeline,
  saver: Saver,
  logger: Logger,
): Promise<SinkSession> {
  const run = runInfoOf(request, pipeline);
  return saver.sink(run).open({
    run,
    identity: identityOf(request, pipeline.fetcher),
    isRecovered: request.isRecovered === true,
    stage: saver.name,
    schema: saver.from[0].schema,
    logger,
  });
}
