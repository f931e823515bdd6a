import {
  identityOf,
  LeatError,
  type LedgerCheckpoint,
  LedgerRebuild,
  messageOf,
  type RunRequest,
} from '@leat/core';
import type { Pipeline, Saver } from '@leat/sdk';
import { type Logger, runInfoOf } from '@leat/sdk/internal';

/**
 * The ledger to begin a run with of which nothing was sent as far as the broker knows. A run whose id was
 * chosen by its user may have been there before, and be forgotten by a broker that was wiped or replaced:
 * then its sinks know what is saved, and whether this run may go on with it.
 *
 * A sink that cannot be read from here is passed over: what it holds is sent again, and it recognises it.
 *
 * @throws LeatError `sink-taken` if a sink has another run with this id
 */
export async function ledgerFromSinks(
  request: RunRequest,
  pipeline: Pipeline,
  logger: Logger,
): Promise<LedgerCheckpoint> {
  const rebuild = new LedgerRebuild();
  if (request.isIdGiven !== true) return rebuild.checkpoint();
  const { run } = request;
  for (const saver of pipeline.stages.filter((stage) => stage.kind === 'saver')) {
    try {
      await takeReceipts(request, pipeline, saver, rebuild, logger);
    } catch (error) {
      if (error instanceof LeatError && error.code === 'sink-taken') throw error;
      const sink = `the sink of the saver ${saver.name}`;
      logger.warn({ run }, `${sink} cannot be read here: ${messageOf(error)}`);
    }
  }
  const ledger = rebuild.checkpoint();
  const { savedChunks } = ledger.totals;
  if (ledger.next > 0) logger.warn({ run, savedChunks }, 'ledger rebuilt from the sinks');
  return ledger;
}

async function takeReceipts(
  request: RunRequest,
  pipeline: Pipeline,
  saver: Saver,
  rebuild: LedgerRebuild,
  logger: Logger,
): Promise<void> {
  const run = runInfoOf(request);
  const context = {
    run,
    identity: identityOf(request, pipeline.fetcher),
    isRecovered: request.isRecovered === true,
    stage: saver.name,
    schema: saver.from.schema,
    logger,
  };
  const session = await saver.sink(run).open(context);
  try {
    for await (const receipt of session.receipts()) {
      try {
        rebuild.add(receipt);
      } catch (error) {
        logger.error({ run: run.id, chunk: receipt.chunk }, messageOf(error));
      }
    }
  } finally {
    await session.close();
  }
}
