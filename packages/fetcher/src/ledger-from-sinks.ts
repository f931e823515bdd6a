import {
  LeatError,
  LedgerRebuild,
  messageOf,
  type RunRequest,
  type SinkIdentity,
} from '@leat/core';
import type { Pipeline, Saver, SinkSession } from '@leat/sdk';
import { type Logger, openSinkToRead } from '@leat/runtime';
import { answered } from './answered.ts';
import type { FirstLedger, Sinks } from './lease.ts';

/**
 * The ledger to begin a run with of which nothing was sent as far as the broker knows. A run whose id was
 * chosen by its user may have been there before, and be forgotten by a broker that was wiped or replaced:
 * then its sinks know what is saved, and whether this run may go on with it.
 *
 * A sink that cannot be read from here, or does not answer, is passed over: what it holds is sent again, and it recognises it. One
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
  for (const saver of saversOf(pipeline)) {
    try {
      const session = await answered(openSinkToRead(request, pipeline, saver, logger));
      const sink = session.identity;
      const known = counted[saver.name];
      if (known !== undefined && known.mark !== sink?.mark) {
        await answered(session.close());
        continue;
      }
      if (sink !== undefined && sink.mark !== '') sinks[saver.name] = sink;
      await takeReceipts(session, run, rebuild, logger);
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

/** Why a run cannot be saved, if one of its sinks has another run with its id. */
export async function refusalOfSinks(
  request: RunRequest,
  pipeline: Pipeline,
  logger: Logger,
): Promise<LeatError | undefined> {
  for (const saver of saversOf(pipeline)) {
    try {
      const session = await answered(openSinkToRead(request, pipeline, saver, logger));
      await answered(session.close());
    } catch (error) {
      if (error instanceof LeatError && error.code === 'sink-taken') return error;
    }
  }
  return undefined;
}

function saversOf({ stages }: Pipeline): Saver[] {
  return stages.filter((stage) => stage.kind === 'saver');
}

async function takeReceipts(
  session: SinkSession,
  run: string,
  rebuild: LedgerRebuild,
  logger: Logger,
): Promise<void> {
  const receipts = session.receipts()[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { value: receipt, done } = await answered(receipts.next());
      if (done === true) break;
      try {
        rebuild.add(receipt);
      } catch (error) {
        logger.error({ run, chunk: receipt.chunk }, messageOf(error));
      }
    }
  } finally {
    await answered(session.close());
  }
}
