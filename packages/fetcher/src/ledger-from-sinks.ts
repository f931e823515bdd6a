import { type LedgerCheckpoint, LedgerRebuild, messageOf, type RunRequest } from '@leat/core';
import type { Pipeline, Saver } from '@leat/sdk';
import { type Logger, runInfoOf } from '@leat/sdk/internal';

/**
 * The ledger to begin a run with of which the broker knows no progress. A run whose id was chosen by its
 * user may have been there before, and be forgotten by a broker that was wiped or replaced: then its sinks
 * know what is saved.
 *
 * A sink that cannot be read from here is passed over: what it holds is sent again, and it recognises it.
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
      await takeReceipts(request, saver, rebuild, logger);
    } catch (error) {
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
  saver: Saver,
  rebuild: LedgerRebuild,
  logger: Logger,
): Promise<void> {
  const run = runInfoOf(request);
  const context = { run, stage: saver.name, schema: saver.from.schema, logger };
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
