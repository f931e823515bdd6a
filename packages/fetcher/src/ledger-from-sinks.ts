import {
  identityOf,
  LeatError,
  LedgerRebuild,
  messageOf,
  type Receipt,
  type RunRequest,
  type SinkIdentity,
} from '@leat/core';
import type { Pipeline, Saver } from '@leat/sdk';
import { type Logger, runInfoOf } from '@leat/sdk/internal';
import type { FirstLedger, Sinks } from './lease.ts';

/**
 * The ledger to begin a run with of which nothing was sent as far as the broker knows. A run whose id was
 * chosen by its user may have been there before, and be forgotten by a broker that was wiped or replaced:
 * then its sinks know what is saved, and whether this run may go on with it.
 *
 * A sink that cannot be read from here is passed over: what it holds is sent again, and it recognises it. One
 * that has something counts from now on, and one that does not count is passed over, too.
 *
 * @param counted by saver, the sinks of which it is known that they count
 * @throws LeatError `sink-taken` if a sink has another run with this id
 */
export async function ledgerFromSinks(
  request: RunRequest,
  pipeline: Pipeline,
  counted: Sinks,
  logger: Logger,
): Promise<FirstLedger> {
  const rebuild = new LedgerRebuild();
  if (request.isIdGiven !== true) return { ledger: rebuild.checkpoint() };
  const { run } = request;
  const sinks: Record<string, SinkIdentity> = {};
  const add = (receipt: Receipt): void => {
    try {
      rebuild.add(receipt);
    } catch (error) {
      logger.error({ run, chunk: receipt.chunk }, messageOf(error));
    }
  };
  for (const saver of pipeline.stages.filter((stage) => stage.kind === 'saver')) {
    try {
      for await (const [receipt, sink] of receiptsIn(request, pipeline, saver, logger)) {
        const known = counted[saver.name];
        if (known !== undefined && known.mark !== sink?.mark) break;
        if (sink !== undefined && sink.mark !== '') sinks[saver.name] = sink;
        add(receipt);
      }
    } catch (error) {
      if (error instanceof LeatError && error.code === 'sink-taken') throw error;
      const sink = `the sink of the saver ${saver.name}`;
      logger.warn({ run }, `${sink} cannot be read here: ${messageOf(error)}`);
    }
  }
  const ledger = rebuild.checkpoint();
  const { savedChunks } = ledger.totals;
  if (ledger.next > 0) logger.warn({ run, savedChunks }, 'ledger rebuilt from the sinks');
  return { ledger, sinks };
}

/** What a saver's sink has of a run, with what tells the sink from others. */
async function* receiptsIn(
  request: RunRequest,
  pipeline: Pipeline,
  saver: Saver,
  logger: Logger,
): AsyncGenerator<readonly [Receipt, SinkIdentity | undefined]> {
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
    for await (const receipt of session.receipts()) yield [receipt, session.identity];
  } finally {
    await session.close();
  }
}
