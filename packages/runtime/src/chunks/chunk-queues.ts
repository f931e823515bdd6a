import { hostOf, LeatError, type PipelineSpec, stageSubject, type Topology } from '@leat/core';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { Holder } from '../hold/holder.ts';
import { isTooLarge, type Publisher, type Stored } from '../jetstream/publisher.ts';
import { pull, type PullSource } from '../jetstream/pull.ts';
import type { RunNotes } from '../runs/run-notes.ts';
import { TroubleTeller } from '../runs/trouble-teller.ts';
import type { Signing } from '../signing/signing.ts';
import type { Bodies } from './bodies.ts';
import { type Envelope, headerBytes, messageId, messageOf, setBodyName } from './chunk-message.ts';
import { type HandOver, MessageInHand } from './delivery.ts';
import { Parking } from './parking.ts';
import { joinSubject, Parts } from './parts.ts';
import { wait } from '../wait.ts';

/** Room in a message for what surrounds headers and body. */
const FRAME_ROOM = 1024;
/** How long a stop waits for large bodies: their server may be away. */
const STOP_OPENING_MS = 5_000;

export interface ReceiveOptions extends Omit<
  HandOver,
  'holder' | 'bodies' | 'troubles' | 'parking' | 'nak' | 'signing'
> {
  readonly stage: string;
  readonly signal: AbortSignal;
}

/** What the queues are made of. */
export interface ChunkQueuesParts {
  readonly spec: PipelineSpec;
  readonly topology: Topology;
  readonly publisher: Publisher;
  readonly signing: Signing | undefined;
  readonly bodies: Bodies;
  readonly manager: JetStreamManager;
  readonly holder: Pick<Holder, 'hold'>;
  /** Gives a message back at once, by its reply subject alone. */
  readonly nak: (reply: string) => void;
  readonly notes: RunNotes;
  readonly source: PullSource;
  /** Makes queues that have vanished. */
  readonly repair: () => Promise<void>;
  /** The largest message that the server takes at the moment, in bytes. */
  readonly maxPayload: () => number;
}

/** The queues in front of a pipeline's stages: chunks are put on them, and taken off them. */
export class ChunkQueues {
  readonly #parts: ChunkQueuesParts;
  /** What waits in front of joins. */
  readonly parts: Parts;
  readonly #parking = new Parking();

  constructor(parts: ChunkQueuesParts) {
    this.#parts = parts;
    this.parts = new Parts(parts);
  }

  #isJoin(stage: string): boolean {
    return this.#parts.spec.stages.some(({ name, join }) => name === stage && join !== undefined);
  }

  /**
   * Puts a chunk on the queue in front of a stage and waits until it is stored. A body above the server's
   * limit goes to the object store, and the message refers to it. An inline stage has no queue: its chunk goes on that
   * of its host, and its id says where it begins (see `redrivenAt`).
   *
   * @throws as `Publisher.publish`
   */
  async send(
    stage: string,
    envelope: Envelope,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<Stored> {
    const { spec, publisher, signing, bodies, maxPayload } = this.#parts;
    const queue = hostOf(spec, stage);
    const subject = this.#isJoin(queue)
      ? joinSubject(spec, queue, envelope)
      : stageSubject(spec.name, queue, envelope.run);
    const { headers, data } = messageOf(envelope, body);
    if (data.length + headerBytes(headers) + FRAME_ROOM <= maxPayload()) {
      try {
        return await publisher.publish(subject, data, headers, signal);
      } catch (error) {
        // The server takes less since it was restarted.
        if (!isTooLarge(error)) throw error;
      }
    }
    const name = `${envelope.run}/${queue}/${messageId(envelope)}`;
    await bodies.put(name, data, signal);
    setBodyName(headers, name);
    signing?.signBody(headers, data);
    return publisher.publish(subject, new Uint8Array(), headers, signal);
  }

  /**
   * Takes chunks from the queue in front of a stage, as many as there are free slots, until told to stop. When it
   * ends, what has arrived was handed over or given back, but for large bodies that take longer than five seconds.
   *
   * @throws LeatError `invalid-pipeline` if the stage has no queue; otherwise as `pull`
   */
  async receive(options: ReceiveOptions): Promise<void> {
    const { topology, signing, bodies, holder, nak, notes, source, repair } = this.#parts;
    const { stage, slots, signal, logger } = options;
    const queue = topology.queues.find((each) => each.stage === stage);
    if (queue === undefined)
      throw new LeatError('invalid-pipeline', `There is no queue for ${stage}.`);
    const troubles = new TroubleTeller(notes, stage, logger);
    const parking = this.#parking;
    const handOver = { ...options, signing, bodies, holder, nak, parking, troubles };
    const opening = new Set<Promise<void>>();
    await pull({
      ...source,
      stream: queue.stream.name,
      consumer: queue.consumer.durable_name,
      slots,
      repair,
      signal,
      logger,
      handle: (message) => {
        const opened = new MessageInHand(message, handOver).open();
        opening.add(opened);
        void opened.finally(() => opening.delete(opened));
      },
    });
    await untilOpened(opening);
  }
}

/** Waits for messages whose bodies are on their way: who waits for what is in hand must know of their chunks. */
async function untilOpened(opening: ReadonlySet<Promise<void>>): Promise<void> {
  const over = new AbortController();
  const late = wait(STOP_OPENING_MS, over.signal).catch(() => undefined);
  await Promise.race([Promise.allSettled(opening), late]);
  over.abort();
}
