import type { ModelConsumer } from './model-consumer.ts';
import type { Broker, Storage, StoredMessage, StreamConfig } from './model-types.ts';
import { fits, headerOf, type Packet } from './model-wire.ts';

/** What JetStream answers to a publish. */
export type PublishAnswer =
  | { readonly stream: string; readonly seq: number; readonly duplicate?: true }
  | { readonly error: ApiError };

export interface ApiError {
  readonly code: number;
  readonly err_code: number;
  readonly description: string;
}

/** A stream with `discard: new` or a key-value bucket with one value a key. */
export class ModelStream implements Storage {
  readonly config: StreamConfig;
  readonly messages: Map<number, StoredMessage> = new Map<number, StoredMessage>();
  readonly consumers: Map<string, ModelConsumer> = new Map<string, ModelConsumer>();
  readonly #server: Broker;
  readonly #created: string;
  readonly #seen = new Map<string, { readonly seq: number; readonly at: number }>();
  lastSeq = 0;
  bytes = 0;

  constructor(server: Broker, config: StreamConfig) {
    this.#server = server;
    this.config = config;
    this.#created = new Date(server.clock.dateMs).toISOString();
  }

  get isQueue(): boolean {
    return this.config.retention === 'workqueue';
  }

  takes(subject: string): boolean {
    return this.config.subjects.some((pattern) => fits(pattern, subject));
  }

  publish(packet: Packet): PublishAnswer {
    const { name, max_msgs = -1, max_bytes = -1, duplicate_window = 120e9 } = this.config;
    const { clock } = this.#server;
    const id = headerOf(packet.headers, 'Nats-Msg-Id');
    const earlier = id === undefined ? undefined : this.#seen.get(id);
    if (earlier !== undefined && clock.now - earlier.at < duplicate_window / 1e6) {
      return { stream: name, seq: earlier.seq, duplicate: true };
    }
    const expected = headerOf(packet.headers, 'Nats-Expected-Last-Subject-Sequence');
    const last = this.config.max_msgs_per_subject === 1 ? this.last(packet.subject) : undefined;
    if (expected !== undefined && Number(expected) !== (last?.seq ?? 0)) {
      const description = `wrong last sequence: ${last?.seq ?? 0}`;
      return { error: { code: 400, err_code: 10071, description } };
    }
    const size = sizeOf(packet);
    const full =
      max_msgs >= 0 && this.messages.size >= max_msgs
        ? 'maximum messages exceeded'
        : max_bytes >= 0 && this.bytes + size > max_bytes
          ? 'maximum bytes exceeded'
          : undefined;
    if (full !== undefined) {
      return { error: { code: 503, err_code: 10077, description: full } };
    }
    if (last !== undefined) this.remove(last.seq);
    const seq = ++this.lastSeq;
    const { subject, headers, data } = packet;
    const message = { seq, subject, headers, data, at: clock.now };
    this.messages.set(seq, message);
    this.bytes += size;
    if (id !== undefined) this.#seen.set(id, { seq, at: clock.now });
    this.#server.observer.stored(this, message);
    for (const consumer of this.consumers.values()) consumer.pump();
    return { stream: name, seq };
  }

  /** The last message of a subject. */
  last(subject: string): StoredMessage | undefined {
    let last: StoredMessage | undefined;
    for (const message of this.messages.values()) if (message.subject === subject) last = message;
    return last;
  }

  /** The first message of a subject from a place on. */
  next(subject: string, from: number): StoredMessage | undefined {
    for (const message of this.messages.values()) {
      if (message.seq >= from && message.subject === subject) return message;
    }
    return undefined;
  }

  remove(seq: number): void {
    const message = this.messages.get(seq);
    if (message === undefined) return;
    this.messages.delete(seq);
    this.bytes -= sizeOf(message);
  }

  /** @param below only messages below this one go, and an empty stream goes on with it */
  purge(filter: string | undefined, below: number = Number.POSITIVE_INFINITY): number {
    const gone = [...this.messages.values()].filter(
      ({ seq, subject }) => seq < below && (filter === undefined || fits(filter, subject)),
    );
    if (Number.isFinite(below)) this.lastSeq = Math.max(this.lastSeq, below - 1);
    for (const message of gone) {
      const { seq } = message;
      this.#server.observer.purged(this, message);
      this.remove(seq);
      for (const consumer of this.consumers.values()) consumer.forget(seq);
    }
    return gone.length;
  }

  deleteConsumer(name: string): boolean {
    this.consumers.get(name)?.close();
    return this.consumers.delete(name);
  }

  close(): void {
    for (const name of this.consumers.keys()) this.deleteConsumer(name);
  }

  /** What a restart of the server does: only the ids of messages that are still there are known again. */
  restart(isForgetful: boolean): void {
    for (const [id, { seq }] of this.#seen) if (!this.messages.has(seq)) this.#seen.delete(id);
    for (const consumer of this.consumers.values()) consumer.restart(isForgetful);
  }

  info(subjectsFilter: string | undefined): object {
    const subjects: Record<string, number> = {};
    if (subjectsFilter !== undefined) {
      for (const { subject } of this.messages.values()) {
        if (fits(subjectsFilter, subject)) subjects[subject] = (subjects[subject] ?? 0) + 1;
      }
    }
    const [first] = this.messages.keys();
    const count = Object.keys(subjects).length;
    return {
      config: this.config,
      created: this.#created,
      state: {
        messages: this.messages.size,
        bytes: this.bytes,
        first_seq: first ?? this.lastSeq + 1,
        last_seq: this.lastSeq,
        consumer_count: this.consumers.size,
        num_subjects: count,
        ...(count > 0 && { subjects }),
      },
      ...(subjectsFilter !== undefined && { total: count, offset: 0, limit: 100_000 }),
    };
  }
}

function sizeOf({ subject, headers, data }: Omit<Packet, 'reply'>): number {
  return subject.length + headers.length + data.length + (headers.length > 0 ? 34 : 30);
}
