import {
  addCounts,
  divisionToken,
  fanOut,
  newExecution,
  type Origins,
  type PipelineSpec,
  readPieces,
} from '@leat/core';
import {
  bury,
  type DeadRecord,
  type Delivery,
  type InlineStages,
  type PipelineConnection,
  type Publishing,
  type ReceiptSender,
  sendOn,
} from '@leat/runtime';
import type { JobResult, ResultPiece } from './job.ts';

export interface PassOnOptions {
  readonly connection: Publishing & Pick<PipelineConnection, 'queues'>;
  readonly spec: PipelineSpec;
  /** The name of the mapper. */
  readonly stage: string;
  readonly receipts: ReceiptSender;
  /** The inline stages below it; absent if there are none. */
  readonly inline?: InlineStages | undefined;
  /** Aborted when the process must end at once. */
  readonly abort: AbortSignal;
}

/**
 * Stores everything that came of a chunk, before the chunk may be acknowledged: dead letters, and then its
 * pieces on the queues of the next stages, or its receipt if nothing of it is left. Inline stages are done with theirs.
 */
export async function passOn(
  options: PassOnOptions,
  delivery: Delivery,
  result: JobResult,
  fence: number,
): Promise<void> {
  const { connection, spec, stage, receipts, inline, abort } = options;
  const { envelope, id, telemetry } = delivery;
  const { chunk, source, division } = envelope;
  const buried = await buryDead(options, delivery, result.dead);
  const { read, filtered } = readPieces(spec, stage, result.pieces);
  const counts = addCounts(envelope.counts, {
    in: 0,
    expanded: result.expanded,
    filtered: result.filtered + filtered,
    dead: result.dead.length,
    retries: result.retries,
  });
  if (read.length === 0) {
    const receipt = {
      chunk: id,
      counts,
      digest: '',
      fence,
      buried,
      ...(source !== undefined && { source }),
      ...(division !== undefined && { division }),
    };
    await receipts.send(envelope, receipt);
  } else {
    const dead = result.dead.map(({ index }) => index);
    const finished = { chunk, counts, buried, division, dead };
    const token = (): string => divisionToken(read.map((piece) => saidOf(spec, stage, piece)));
    const children = fanOut(spec, stage, finished, read, token);
    const links = {
      queues: connection.queues,
      ...(inline !== undefined && { inline: { stages: inline, parent: delivery } }),
    };
    await sendOn(links, { ...envelope, trace: telemetry.headers }, children, abort);
  }
}

/** What of a piece stands in the token: the place of its branch, and its records. */
function saidOf(spec: PipelineSpec, stage: string, { branch, origins }: ResultPiece): Origins {
  if (branch === undefined) return origins;
  const { to = [] } = spec.stages.find(({ name }) => name === stage) ?? {};
  return [to.indexOf(branch), ...origins];
}

/** Makes dead letters of records, and gives the executions that have buried records of the chunk so far. */
async function buryDead(
  { connection, stage, abort }: PassOnOptions,
  { envelope, telemetry }: Delivery,
  records: readonly DeadRecord[],
): Promise<readonly string[]> {
  const earlier = envelope.buried ?? [];
  if (records.length === 0) return earlier;
  const execution = newExecution(Math.random());
  await bury(connection, { stage, chunk: envelope, execution }, records, abort);
  telemetry.buried(records);
  return [...earlier, execution];
}
