import { formatChunkId, LeatError, runOfSubject, stageSubject } from '@leat/core';
import type { JsMsg } from '@nats-io/jetstream';
import type { Logger } from '@leat/sdk';
import type { ChunkOutcome } from '../meter.ts';
import type { ChunkTelemetry, StageTelemetry } from '../telemetry.ts';
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
  /** The chunk id, as text. */
  readonly id: string;
  readonly body: Uint8Array;
  /** 1 the first time; more when a replica died over it or gave it back. */
  readonly deliveries: number;
  readonly telemetry: ChunkTelemetry;
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
  readonly telemetry: StageTelemetry;
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
    handle: (message) => void new MessageInHand(message, options, troubles).open(),
  });
}

/** A message of a chunk, held from the moment that it has arrived until it is settled. */
class MessageInHand {
  readonly #message: JsMsg;
  readonly #options: ReceiveOptions;
  readonly #troubles: TroubleTeller;
  readonly #telemetry: ChunkTelemetry;
  readonly #release: () => void;
  #isSettled = false;

  constructor(message: JsMsg, options: ReceiveOptions, troubles: TroubleTeller) {
    this.#troubles = troubles;
    this.#message = message;
    this.#options = options;
    this.#release = options.connection.holder.hold(replyOf(message), options.blockLimitMs);
    this.#telemetry = options.telemetry.inHand(message.info.deliveryCount);
  }

  /** Reads the message and hands its chunk over; what cannot be read is settled here. */
  async open(): Promise<void> {
    const message = this.#message;
    const { logger, handle } = this.#options;
    try {
      const run = runOfSubject(message.subject);
      const newer = newerMessage('chunk', message);
      if (newer !== undefined) {
        this.#troubles.tell(run, newer.message);
        this.#settle('given-back', () => message.nak(NEWER_DELAY_MS));
        return;
      }
      const data = await this.#data();
      if (data === undefined) return;
      const { envelope, body } = readMessage(run, message.headers, data);
      this.#telemetry.read(envelope, message.headers);
      handle(this.#deliveryOf(envelope, body));
    } catch (error) {
      const isForged = error instanceof LeatError && error.code === 'invalid-message';
      logger.error({ err: error, subject: message.subject }, 'message not understood');
      if (isForged) this.#settle('dropped', () => message.term('not written by Leat'));
      else this.#settle('given-back', () => message.nak(1_000));
    }
  }

  /** The message's data, from wherever they are; `undefined` if they are gone, and the message settled. */
  async #data(): Promise<Uint8Array | undefined> {
    const message = this.#message;
    const { connection, logger } = this.#options;
    const bodyName = bodyNameOf(message.headers);
    if (bodyName === undefined) return message.data;
    const data = await connection.bodies.get(bodyName);
    if (data === undefined) {
      // The replica that had the chunk before was done with it and only the acknowledgement was lost; should
      // the store have been wiped instead, the fetcher finds the chunk missing and sends it again.
      const run = runOfSubject(message.subject);
      logger.warn({ run, body: bodyName }, 'large body is gone, message dropped');
      this.#settle('dropped', () => message.ack());
    }
    return data;
  }

  #deliveryOf(envelope: Envelope, body: Uint8Array): Delivery {
    const message = this.#message;
    const bodyName = bodyNameOf(message.headers);
    return {
      envelope,
      id: formatChunkId(envelope.chunk),
      body,
      deliveries: message.info.deliveryCount,
      telemetry: this.#telemetry,
      ack: () =>
        this.#settle('done', () => {
          message.ack();
          if (bodyName !== undefined) void this.#options.connection.bodies.remove(bodyName);
        }),
      giveBack: (delayMs) => this.#settle('given-back', () => message.nak(delayMs)),
      drop: (reason) => this.#settle('dropped', () => message.term(reason)),
    };
  }

  #settle(outcome: ChunkOutcome, end: () => void): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#release();
    end();
    this.#options.slots.release();
    this.#telemetry.settled(outcome);
  }
}
