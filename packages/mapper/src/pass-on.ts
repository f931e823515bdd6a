import {
  addCounts,
  type Counts,
  divisionToken,
  fanOut,
  type Origins,
  type PipelineSpec,
  readPieces,
  recordsOf,
  regionsAround,
} from '@leat/core';
import {
  type Delivery,
  type InlineStages,
  type PipelineConnection,
  type Publishing,
  type ReceiptSender,
  sendOn,
} from '@leat/runtime';
import { giveUp, type GivenUp } from './give-up.ts';
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
  const { connection, spec, stage, inline, abort } = options;
  const { envelope, telemetry, places } = delivery;
  const { chunk, division, regions, origins } = envelope;
  // Letters of a join name records by their places in the chunk that was forked: its own are never the same twice.
  const lost = result.dead.map((record) => ({
    record: { ...record, index: places?.[record.index] ?? record.index },
    place: origins?.[record.index] ?? record.index,
  }));
  const given = await giveUp(options, envelope, telemetry, lost);
  const { read, filtered } = readPieces(spec, stage, result.pieces);
  const counts = addCounts(envelope.counts, {
    in: 0,
    expanded: result.expanded,
    filtered: result.filtered + filtered + given.counts.filtered,
    dead: given.counts.dead,
    retries: result.retries,
  });
  const { buried, failures } = given;
  if (read.length === 0) {
    await endHere(options, delivery, { counts, buried, failures, fence });
    return;
  }
  const finished = {
    chunk,
    counts,
    buried,
    failures,
    division,
    dead: result.dead.map(({ index }) => index),
    regions,
    origins,
    records: recordsOf(envelope.counts),
  };
  const token = (): string => divisionToken(read.map((piece) => saidOf(spec, stage, piece)));
  const children = fanOut(spec, stage, finished, read, token);
  const links = {
    queues: connection.queues,
    ...(inline !== undefined && { inline: { stages: inline, parent: delivery } }),
  };
  await sendOn(links, { ...envelope, trace: telemetry.headers }, children, abort);
}

interface Ending extends Pick<GivenUp, 'buried' | 'failures'> {
  readonly counts: Counts;
  readonly fence: number;
}

/** Of a chunk nothing is left: its receipt says so, or, in a branch, an empty part tells the join. */
async function endHere(
  { connection, spec, stage, receipts, abort }: PassOnOptions,
  { envelope, id, telemetry }: Delivery,
  { counts, buried, failures, fence }: Ending,
): Promise<void> {
  const { source, division } = envelope;
  const region = regionsAround(spec, stage).at(-1);
  if (region === undefined) {
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
    return;
  }
  const { origins: _, ...rest } = envelope;
  const empty = {
    ...rest,
    counts,
    ...(buried.length > 0 && { buried }),
    ...(failures.length > 0 && { failures }),
    trace: telemetry.headers,
  };
  await connection.queues.send(region.join, empty, new Uint8Array(), abort);
}

/** What of a piece stands in the token: the place of its branch, and its records. */
function saidOf(spec: PipelineSpec, stage: string, { branch, origins }: ResultPiece): Origins {
  if (branch === undefined) return origins;
  const { to = [] } = spec.stages.find(({ name }) => name === stage) ?? {};
  return [to.indexOf(branch), ...origins];
}
