import type { Clock } from '../clock.ts';
import type { Packet } from './model-wire.ts';

// What the parts of the model know of each other.

/** The part of a stream's configuration that the model heeds. */
export interface StreamConfig {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly retention?: string;
  readonly discard?: string;
  readonly max_msgs?: number;
  readonly max_bytes?: number;
  readonly max_msgs_per_subject?: number;
  readonly duplicate_window?: number;
}

/** The part of a consumer's configuration that the model heeds. */
export interface ConsumerConfig {
  readonly durable_name: string;
  readonly filter_subject?: string;
  readonly ack_wait?: number;
  readonly max_ack_pending?: number;
}

export interface StoredMessage {
  readonly seq: number;
  readonly subject: string;
  readonly headers: Buffer;
  readonly data: Buffer;
  /** When it was stored, in virtual milliseconds. */
  readonly at: number;
}

/** A stream, as its consumers and those who look on see it. */
export interface Storage {
  readonly config: StreamConfig;
  /** In the order of their sequence numbers. */
  readonly messages: ReadonlyMap<number, StoredMessage>;
  /** Whether a message is gone when it is acknowledged. */
  readonly isQueue: boolean;
  remove(seq: number): void;
}

/** The server, as its streams and consumers see it. */
export interface Broker {
  readonly clock: Clock;
  readonly observer: Observer;
  /** Whether somebody is subscribed to an inbox. */
  isListening(inbox: string): boolean;
  /** Sends a message to the one who listens on an inbox, whatever the message's own subject. */
  send(inbox: string, packet: Packet): void;
}

/** Who looks on, to check what must always hold. */
export interface Observer {
  stored(stream: Storage, message: StoredMessage): void;
  /** A final acknowledgement of a message that is there. */
  acknowledged(stream: Storage, message: StoredMessage, deliveries: number): void;
  /** A message that somebody removes. */
  purged(stream: Storage, message: StoredMessage): void;
}

/** What may go wrong with one message. */
export interface Mischief {
  /** Whether what a client says to a delivery does not arrive. */
  losesAcknowledgement(): boolean;
  /** What becomes of a publish: stored and answered, stored in silence, or never seen. */
  publishFate(): 'good' | 'unanswered' | 'lost';
  /** How long an answer takes beyond the way, in milliseconds. */
  answerDelayMs(): number;
}

/** A client's connection, as the server sees it. */
export interface Wire {
  /** The number of the subscription that an inbox belongs to. */
  sidFor(inbox: string): string | undefined;
  deliver(sid: string, packet: Packet): void;
  /** The server breaks it. */
  break(): void;
}
