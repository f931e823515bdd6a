import { type PipelineConnection, wait } from '@leat/runtime';
import type { Instruments } from './instruments.ts';

/** How long is waited for the server: less than a scraper waits for us. */
const LOOK_TIMEOUT_MS = 3_000;

/**
 * Asks the server for the queues in front of the stages, the receipts, and the open runs. What it does not
 * answer in time is not shown, rather than shown as it was.
 *
 * @param connection undefined until there is one
 */
export async function lookAtServer(
  instruments: Instruments,
  connection: PipelineConnection | undefined,
  stages: readonly string[],
): Promise<void> {
  const { queueMessages, queueOldest, receiptsUnread, runsOpen, natsUp } = instruments;
  const isUp = connection?.link.isUp === true;
  natsUp.set(isUp ? 1 : 0);
  const over = new AbortController();
  const late = wait(LOOK_TIMEOUT_MS, over.signal).catch(() => undefined);
  const look = isUp ? ask(connection, stages).catch(() => undefined) : undefined;
  const seen = (await Promise.race([look, late])) ?? undefined;
  over.abort();
  queueMessages.reset();
  queueOldest.reset();
  receiptsUnread.remove();
  runsOpen.remove();
  if (seen === undefined) return;
  runsOpen.set(seen.runs);
  receiptsUnread.set(seen.receipts);
  for (const { stage, waiting, pending, redelivered, oldestAt } of seen.queues) {
    queueMessages.set({ stage, state: 'waiting' }, waiting);
    queueMessages.set({ stage, state: 'pending' }, pending);
    queueMessages.set({ stage, state: 'redelivered' }, redelivered);
    if (oldestAt !== undefined) queueOldest.set({ stage }, oldestAt);
  }
}

interface Queue {
  readonly stage: string;
  readonly waiting: number;
  readonly pending: number;
  readonly redelivered: number;
  /** Seconds since 1970; undefined if it is empty. */
  readonly oldestAt: number | undefined;
}

async function ask(
  { manager, runs, topology }: PipelineConnection,
  stages: readonly string[],
): Promise<{
  readonly queues: readonly Queue[];
  readonly receipts: number;
  readonly runs: number;
}> {
  const own = topology.queues.filter(({ stage }) => stages.includes(stage));
  const [open, receipts, ...queues] = await Promise.all([
    runs.listOpen(),
    manager.streams.info(topology.receipts.name),
    ...own.map(async ({ stage, stream, consumer }): Promise<Queue> => {
      const [{ state }, seen] = await Promise.all([
        manager.streams.info(stream.name),
        manager.consumers.info(stream.name, consumer.durable_name),
      ]);
      return {
        stage,
        waiting: seen.num_pending,
        pending: seen.num_ack_pending,
        redelivered: seen.num_redelivered,
        oldestAt: state.messages === 0 ? undefined : Date.parse(state.first_ts) / 1_000,
      };
    }),
  ]);
  return { queues, receipts: receipts.state.messages, runs: open.length };
}
