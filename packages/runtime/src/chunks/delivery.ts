import { formatChunkId, LeatError, messageOf, type Origins, runOfSubject } from '@leat/core';
import type { JsMsg } from '@nats-io/jetstream';
import type { Logger } from '@leat/sdk';
import type { Holder } from '../hold/holder.ts';
import { replyOf } from '../jetstream/client-internals.ts';
import type { Slots } from '../jetstream/slots.ts';
import type { ChunkOutcome } from '../meter.ts';
import type { TroubleTeller } from '../runs/trouble-teller.ts';
import type { Refused, Signing } from '../signing/signing.ts';
import type { ChunkTelemetry, StageTelemetry } from '../telemetry.ts';
import type { Bodies } from './bodies.ts';
import { bodyNameOf, CHUNK, type Envelope, readMessage } from './chunk-message.ts';
import { NEWER_DELAY_MS, newerMessage } from './newer-message.ts';
import type { ParkedMessage, Parking } from './parking.ts';

/** For how long a chunk is left alone that cannot be parked, because too many are. */
const NO_ROOM_DELAY_MS = 2_000;

/** A message that cannot be read is given back so often before its chunk counts as lost. */
const MAX_UNREADABLE = 20;
const UNREADABLE_DELAY_MS = 1_000;

/** A chunk in hand. It is kept from all other replicas until one of the functions is called. */
export interface Delivery {
  readonly envelope: Envelope;
  /** The chunk id, as text. */
  readonly id: string;
  readonly body: Uint8Array;
  /**
   * 1 the first time; more when a replica died over it or gave it back. What was parked here and given back does
   * not count.
   */
  readonly deliveries: number;
  readonly telemetry: ChunkTelemetry;
  /** Where its message stands in the stream; absent for what was handed over without one. */
  readonly seq?: number;
  /** Of a join's chunk, the places of its records in the chunk that was forked; absent for any other. */
  readonly places?: Origins;
  /**
   * Until the returned function is called, the main thread may be blocked for so many milliseconds, and then the
   * process is ended.
   */
  readonly limitBlock: (limitMs: number) => () => void;
  /** The work is done and its result is stored elsewhere. */
  readonly ack: () => void;
  /** It waits in front of a join for other parts, and stays where it is. */
  readonly keep?: () => void;
  /** Somebody else shall have it, at once or after a while. */
  readonly giveBack: (delayMs?: number) => void;
  /**
   * Nobody shall have it until the signal is aborted, and then somebody shall at once. Meanwhile it costs this process
   * neither a slot nor the memory of its body.
   */
  readonly park: (until: AbortSignal) => void;
  /** Nobody shall have it again. Only for what is not Leat's: a chunk is settled, never dropped. */
  readonly drop: (reason: string) => void;
}

/** What {@link MessageInHand} needs to settle a message. */
export interface HandOver {
  readonly stage: string;
  readonly holder: Pick<Holder, 'hold'>;
  /** Says which messages are not believed; all are without it. */
  readonly signing: Signing | undefined;
  readonly bodies: Bodies;
  readonly parking: Parking;
  /** Gives a message back at once, by its reply subject alone. */
  readonly nak: (reply: string) => void;
  /** Told why chunks are left alone. */
  readonly troubles: TroubleTeller;
  readonly telemetry: StageTelemetry;
  readonly slots: Slots;
  /** Told of each chunk; must end in `ack` or `giveBack`. */
  readonly handle: (delivery: Delivery) => void;
  readonly logger: Logger;
}

/** A message of a chunk, held from the moment that it has arrived until it is settled. */
export class MessageInHand {
  readonly #message: JsMsg;
  readonly #options: HandOver;
  readonly #telemetry: ChunkTelemetry;
  readonly #release: () => void;
  #isSettled = false;

  constructor(message: JsMsg, options: HandOver) {
    this.#message = message;
    this.#options = options;
    this.#release = options.holder.hold(replyOf(message));
    this.#telemetry = options.telemetry.inHand(message.info.deliveryCount);
  }

  /** Reads the message and hands its chunk over; what cannot be read is settled here. */
  async open(): Promise<void> {
    const message = this.#message;
    const { signing, troubles, logger, handle } = this.#options;
    try {
      const refused = signing?.refusalOf(message);
      if (refused !== undefined) {
        this.#refuse(refused);
        return;
      }
      const run = runOfSubject(message.subject);
      const newer = newerMessage('chunk', message);
      if (newer !== undefined) {
        troubles.tell(run, newer.message);
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
      // What does not even say that it is a chunk is nobody's loss.
      if (message.headers?.has(CHUNK) === true) {
        const run = runOfSubject(message.subject);
        troubles.note(run, `a chunk cannot be read: ${messageOf(error)}`);
      }
      if (isForged) this.#settle('dropped', () => message.term('not written by Leat'));
      else this.#leave();
    }
  }

  /** One that is not believed is nobody's loss: the fetcher finds the chunk missing that it should have been. */
  #refuse({ mayBeGood }: Refused): void {
    if (mayBeGood) this.#leave();
    else this.#settle('dropped', () => this.#message.term('its signature is refused'));
  }

  /** Leaves a message for a while that cannot be read. The fetcher finds a chunk missing, and sends it again. */
  #leave(): void {
    const message = this.#message;
    if (message.info.deliveryCount < MAX_UNREADABLE) {
      this.#settle('given-back', () => message.nak(UNREADABLE_DELAY_MS));
    } else {
      this.#settle('dropped', () => message.ack());
    }
  }

  /** The message's data, from wherever they are; `undefined` if they are gone, and the message settled. */
  async #data(): Promise<Uint8Array | undefined> {
    const message = this.#message;
    const { signing, bodies, logger } = this.#options;
    const bodyName = bodyNameOf(message.headers);
    if (bodyName === undefined) return message.data;
    const data = await bodies.get(bodyName);
    if (data === undefined) {
      // The replica that had the chunk before was done with it and only the acknowledgement was lost; should
      // the store have been wiped instead, the fetcher finds the chunk missing and sends it again.
      const run = runOfSubject(message.subject);
      logger.warn({ run, body: bodyName }, 'large body is gone, message dropped');
      this.#settle('dropped', () => message.ack());
      return undefined;
    }
    const refused = signing?.refusalOfBody(message, data);
    if (refused === undefined) return data;
    this.#refuse(refused);
    return undefined;
  }

  #deliveryOf(envelope: Envelope, body: Uint8Array): Delivery {
    const message = this.#message;
    const bodyName = bodyNameOf(message.headers);
    return {
      envelope,
      id: formatChunkId(envelope.chunk),
      body,
      deliveries: Math.max(
        1,
        message.info.deliveryCount - this.#options.parking.returnsOf(this.#queueOf(envelope.run)),
      ),
      telemetry: this.#telemetry,
      limitBlock: (limitMs) => this.#options.holder.hold(replyOf(message), limitMs),
      ack: () =>
        this.#settle('done', () => {
          message.ack();
          if (bodyName !== undefined) void this.#options.bodies.remove(bodyName);
        }),
      seq: message.seq,
      keep: () => this.#settle('done', () => message.ack()),
      giveBack: (delayMs) => this.#settle('given-back', () => message.nak(delayMs)),
      park: (until) => this.#park(envelope.run, until),
      drop: (reason) => this.#settle('dropped', () => message.term(reason)),
    };
  }

  #park(run: string, until: AbortSignal): void {
    if (this.#isSettled) return;
    const { parking, holder, nak } = this.#options;
    const reply = replyOf(this.#message);
    if (!parking.hasRoom) {
      this.#settle('given-back', () => this.#message.nak(NO_ROOM_DELAY_MS));
      return;
    }
    // Held anew, so that nothing else of the message is kept alive.
    const release = holder.hold(reply);
    this.#settle('given-back', () => undefined);
    parking.park(parkedMessage(this.#queueOf(run), reply, release, nak), until);
  }

  #queueOf(run: string): string {
    return `${this.#options.stage} ${run}`;
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

/** By itself, so that it keeps nothing else of the message alive. */
function parkedMessage(
  queue: string,
  reply: string,
  release: () => void,
  nak: (reply: string) => void,
): ParkedMessage {
  return {
    queue,
    giveBack: () => {
      release();
      nak(reply);
    },
  };
}
