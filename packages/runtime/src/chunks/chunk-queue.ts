import { LeatError, recordsOf, runOfSubject, stageSubject } from '@leat/core';
import type { JsMsg } from '@nats-io/jetstream';
import type { Logger } from 'pino';
import type { ChunkSpan } from '../tracing/chunk-span.ts';
import type { ChunkOutcome, StageMeter } from '../meter.ts';
import {
  bodyNameOf,
  type Envelope,
  headerBytes,
  messageId,
  messageOf,
  readMessage,
  setBodyName,
} from './chunk-message.ts';
import type { PipelineConnection } from '../jetstream/pipeline-connection.ts';
import { pull } from '../jetstream/pull.ts';
import type { Stored } from '../jetstream/publisher.ts';
import { replyOf } from '../jetstream/reply.ts';
import type { Slots } from '../jetstream/slots.ts';
import { TroubleTeller } from '../runs/trouble-teller.ts';
import { NEWER_DELAY_MS, newerMessage } from './newer-message.ts';

/** Room in a message for what surrounds headers and body. */
const FRAME_ROOM = 1024;

/** A chunk in hand. It is kept from all other replicas until one of the functions is called. */
export interface Delivery {
  readonly envelope: Envelope;
  readonly body: Uint8Array;
  /** 1 the first time; more when a replica died over it or gave it back. */
  readonly deliveries: number;
  /** Lasts for as long as the chunk is in hand; absent where nobody traces. */
  readonly span?: ChunkSpan | undefined;
  /** The work is done and its result is stored elsewhere. */
  readonly ack: () => void;
  /** Somebody else shall have it, at once or after a while. */
  readonly giveBack: (delayMs?: number) => void;
  /** Nobody shall have it again. Only for what is not Leat's: a chunk is settled, never dropped. */
  readonly drop: (reason: string) => void;
}

/**
 * Puts a chunk on the queue in front of a stage and waits until it is stored. A body above the server's
 * limit goes to the object store, and the message refers to it.
 */
export async function sendChunk(
  connection: PipelineConnection,
  stage: string,
  envelope: Envelope,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<Stored> {
  const subject = stageSubject(connection.spec.name, stage, envelope.run);
  const { headers, data } = messageOf(envelope, body);
  if (data.length + headerBytes(headers) + FRAME_ROOM <= connection.maxPayload) {
    return connection.publisher.publish(subject, data, headers, signal);
  }
  const name = `${envelope.run}/${stage}/${messageId(envelope)}`;
  await connection.bodies.put(name, data, signal);
  setBodyName(headers, name);
  return connection.publisher.publish(subject, new Uint8Array(), headers, signal);
}

export interface ReceiveOptions {
  readonly connection: PipelineConnection;
  readonly stage: string;
  readonly slots: Slots;
  /** Told of each chunk; must end in `ack` or `giveBack`. */
  readonly handle: (delivery: Delivery) => void;
  /** How long the main thread may be blocked while a chunk is in hand, before the process is ended. */
  readonly blockLimitMs?: number | undefined;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Takes chunks from the queue in front of a stage, as many as there are free slots, until told to stop. */
export async function receiveChunks(options: ReceiveOptions): Promise<void> {
  const { connection, stage, slots, signal, logger } = options;
  const queue = connection.topology.queues.find((each) => each.stage === stage);
  if (queue === undefined)
    throw new LeatError('invalid-pipeline', `There is no queue for ${stage}.`);
  const meter = connection.meter?.(stage);
  const troubles = new TroubleTeller(connection.runs.notes, stage, logger);
  await pull({
    client: connection.client,
    link: connection.link,
    holder: connection.holder,
    stream: queue.stream.name,
    consumer: queue.consumer.durable_name,
    slots,
    repair: () => connection.repair(),
    signal,
    logger,
    handle: (message) => void open(message, options, troubles, meter),
  });
}

async function open(
  message: JsMsg,
  options: ReceiveOptions,
  troubles: TroubleTeller,
  meter: StageMeter | undefined,
): Promise<void> {
  const { connection, stage, slots, logger, handle } = options;
  const release = connection.holder.hold(replyOf(message), options.blockLimitMs);
  const takenAt = performance.now();
  meter?.take(message.info.deliveryCount);
  let span: ChunkSpan | undefined;
  let isSettled = false;
  const settle = (outcome: ChunkOutcome, end: () => void): void => {
    if (isSettled) return;
    isSettled = true;
    release();
    end();
    slots.release();
    meter?.settle(outcome, performance.now() - takenAt);
    span?.end(outcome);
  };
  try {
    const run = runOfSubject(message.subject);
    const newer = newerMessage('chunk', message);
    if (newer !== undefined) {
      troubles.tell(run, newer.message);
      settle('given-back', () => message.nak(NEWER_DELAY_MS));
      return;
    }
    const bodyName = bodyNameOf(message.headers);
    const data = bodyName === undefined ? message.data : await connection.bodies.get(bodyName);
    if (data === undefined) {
      // Whoever had the chunk before was done with it and only the acknowledgement was lost; should the
      // store have been wiped instead, the fetcher finds the chunk missing and sends it again.
      logger.warn({ run, body: bodyName }, 'large body is gone, message dropped');
      settle('dropped', () => message.ack());
      return;
    }
    const { envelope, body } = readMessage(run, message.headers, data);
    const deliveries = message.info.deliveryCount;
    if (connection.tracer !== undefined) {
      const chunk = { ...envelope, records: recordsOf(envelope.counts) };
      span = connection.tracer.process(stage, chunk, message.headers, deliveries);
    }
    handle({
      envelope,
      body,
      deliveries,
      span,
      ack: () =>
        settle('done', () => {
          message.ack();
          if (bodyName !== undefined) void connection.bodies.remove(bodyName);
        }),
      giveBack: (delayMs) => settle('given-back', () => message.nak(delayMs)),
      drop: (reason) => settle('dropped', () => message.term(reason)),
    });
  } catch (error) {
    const isForged = error instanceof LeatError && error.code === 'invalid-message';
    logger.error({ err: error, subject: message.subject }, 'message not understood');
    if (isForged) settle('dropped', () => message.term('not written by Leat'));
    else settle('given-back', () => message.nak(1_000));
  }
}
