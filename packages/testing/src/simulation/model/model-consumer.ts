import type { Broker, ConsumerConfig, Storage, StoredMessage } from './model-types.ts';
import { fits, NOTHING, statusBlock } from './model-wire.ts';

/** A request for messages that waits for some. */
interface Pull {
  readonly inbox: string;
  batch: number;
  readonly heartbeatMs: number;
  lastSentAt: number;
  isOver: boolean;
}

interface Pending {
  deliverySeq: number;
  /** When it is to be delivered again. */
  dueAt: number;
}

/** A durable pull consumer with explicit acknowledgement and unlimited deliveries. */
export class ModelConsumer {
  readonly config: ConsumerConfig;
  readonly #server: Broker;
  readonly #stream: Storage;
  readonly #pending = new Map<number, Pending>();
  readonly #deliveries = new Map<number, number>();
  /** To be delivered again, in order. */
  #again: number[] = [];
  #pulls: Pull[] = [];
  #deliverySeq = 0;
  #streamSeq = 0;
  #isClosed = false;

  constructor(server: Broker, stream: Storage, config: ConsumerConfig) {
    this.#server = server;
    this.#stream = stream;
    this.config = config;
  }

  get ackWaitMs(): number {
    return (this.config.ack_wait ?? 30e9) / 1e6;
  }

  pull(
    inbox: string,
    request: {
      readonly batch?: number;
      readonly expires?: number;
      readonly idle_heartbeat?: number;
    },
  ): void {
    const { clock } = this.#server;
    const heartbeatMs = (request.idle_heartbeat ?? 0) / 1e6;
    const pull = {
      inbox,
      batch: request.batch ?? 1,
      heartbeatMs,
      lastSentAt: clock.now,
      isOver: false,
    };
    this.#pulls.push(pull);
    if (request.expires !== undefined) {
      clock.after(request.expires / 1e6, undefined, () => this.#expire(pull));
    }
    if (heartbeatMs > 0) this.#beat(pull);
    this.pump();
  }

  /** Delivers what there is to those who wait for it. */
  pump(): void {
    for (;;) {
      const pull = this.#nextPull();
      if (pull === undefined) return;
      const message = this.#next();
      if (message === undefined) return;
      this.#deliver(message, pull);
    }
  }

  /** Takes what a client says to a delivery. */
  answer(seq: number, payload: string): void {
    const pending = this.#pending.get(seq);
    if (payload === '' || payload.startsWith('+ACK') || payload.startsWith('+TERM')) {
      if (seq > this.#streamSeq) return;
      this.forget(seq);
      if (this.#stream.isQueue) this.#stream.remove(seq);
      this.pump();
    } else if (pending === undefined) {
      return;
    } else if (payload.startsWith('+WPI')) {
      this.#again = this.#again.filter((each) => each !== seq);
      this.#due(seq, pending, this.ackWaitMs);
    } else if (payload.startsWith('-NAK')) {
      const options = payload.slice(4).trim();
      const delay = options === '' ? 0 : (JSON.parse(options) as { delay?: number }).delay;
      if (delay !== undefined && delay > 0) this.#due(seq, pending, delay / 1e6);
      else this.expire(seq);
    }
  }

  /** Ends the acknowledgement window of a delivery. */
  expire(seq: number): void {
    if (!this.#pending.has(seq) || this.#again.includes(seq)) return;
    this.#again.push(seq);
    this.pump();
  }

  /** Messages that somebody holds. */
  held(): number[] {
    return [...this.#pending.keys()];
  }

  forget(seq: number): void {
    this.#pending.delete(seq);
    this.#deliveries.delete(seq);
    this.#again = this.#again.filter((each) => each !== seq);
  }

  close(): void {
    this.#isClosed = true;
    for (const pull of this.#pulls) this.#end(pull, '409 Consumer Deleted');
    this.#pulls = [];
  }

  /** A restart of the server forgets who waits, and gives everything that is held its full time again. */
  restart(isForgetful: boolean): void {
    for (const pull of this.#pulls) pull.isOver = true;
    this.#pulls = [];
    if (isForgetful) {
      for (const seq of this.held()) this.forget(seq);
      this.#deliveries.clear();
      this.#deliverySeq = 0;
      this.#streamSeq = 0;
      return;
    }
    for (const [seq, pending] of this.#pending) this.#due(seq, pending, this.ackWaitMs);
  }

  info(): object {
    let unseen = 0;
    for (const message of this.#stream.messages.values()) if (this.#isNew(message)) unseen++;
    return {
      stream_name: this.#stream.config.name,
      name: this.config.durable_name,
      created: '2026-01-01T00:00:00Z',
      config: this.config,
      delivered: { consumer_seq: this.#deliverySeq, stream_seq: this.#streamSeq },
      ack_floor: { consumer_seq: 0, stream_seq: 0 },
      num_ack_pending: this.#pending.size,
      num_redelivered: [...this.#deliveries.values()].filter((count) => count > 1).length,
      num_waiting: this.#pulls.length,
      num_pending: unseen,
    };
  }

  #isNew({ seq, subject }: StoredMessage): boolean {
    return seq > this.#streamSeq && fits(this.config.filter_subject ?? '>', subject);
  }

  #next(): StoredMessage | undefined {
    for (let seq = this.#again.shift(); seq !== undefined; seq = this.#again.shift()) {
      const message = this.#stream.messages.get(seq);
      if (message !== undefined) return message;
      this.forget(seq);
    }
    if (this.#pending.size >= (this.config.max_ack_pending ?? 1_000)) return undefined;
    for (const message of this.#stream.messages.values()) {
      if (this.#isNew(message)) return message;
    }
    return undefined;
  }

  #nextPull(): Pull | undefined {
    for (;;) {
      const [pull] = this.#pulls;
      if (pull === undefined) return undefined;
      if (!pull.isOver && pull.batch > 0 && this.#server.isListening(pull.inbox)) return pull;
      pull.isOver = true;
      this.#pulls.shift();
    }
  }

  #deliver(message: StoredMessage, pull: Pull): void {
    const { clock } = this.#server;
    const { seq, subject, headers, data, at } = message;
    const count = (this.#deliveries.get(seq) ?? 0) + 1;
    this.#deliveries.set(seq, count);
    this.#streamSeq = Math.max(this.#streamSeq, seq);
    const pending = { deliverySeq: ++this.#deliverySeq, dueAt: 0 };
    this.#pending.set(seq, pending);
    this.#due(seq, pending, this.ackWaitMs);
    pull.batch--;
    pull.lastSentAt = clock.now;
    const name = `${this.#stream.config.name}.${this.config.durable_name}`;
    const reply = `$JS.ACK.${name}.${count}.${seq}.${this.#deliverySeq}.${Math.round(at * 1e6)}.0`;
    this.#server.send(pull.inbox, { subject, reply, headers, data });
    // The next message goes to the one who has waited longest.
    this.#pulls.push(...this.#pulls.splice(0, 1));
  }

  #due(seq: number, pending: Pending, delayMs: number): void {
    const { clock } = this.#server;
    pending.dueAt = clock.now + delayMs;
    clock.after(delayMs, undefined, () => {
      const isCurrent = this.#pending.get(seq) === pending && pending.dueAt <= clock.now;
      if (isCurrent && !this.#isClosed) this.expire(seq);
    });
  }

  #expire(pull: Pull): void {
    if (pull.isOver || pull.batch === 0) return;
    this.#end(pull, '408 Request Timeout');
    this.#pulls = this.#pulls.filter((each) => each !== pull);
  }

  #end(pull: Pull, status: string): void {
    pull.isOver = true;
    const left = { 'Nats-Pending-Messages': pull.batch, 'Nats-Pending-Bytes': 0 };
    const headers = statusBlock(status, left);
    this.#server.send(pull.inbox, { subject: pull.inbox, reply: '', headers, data: NOTHING });
  }

  #beat(pull: Pull): void {
    const { clock } = this.#server;
    clock.after(pull.heartbeatMs, undefined, () => {
      if (pull.isOver || pull.batch === 0 || this.#isClosed) return;
      if (clock.now - pull.lastSentAt >= pull.heartbeatMs) {
        const headers = statusBlock('100 Idle Heartbeat', {
          'Nats-Last-Consumer': this.#deliverySeq,
          'Nats-Last-Stream': this.#streamSeq,
        });
        this.#server.send(pull.inbox, { subject: pull.inbox, reply: '', headers, data: NOTHING });
      }
      this.#beat(pull);
    });
  }
}
