import type { Transport } from '@nats-io/transport-node';
import type { Clock, Owner } from '../clock.ts';
import type { ModelServer } from './model-server.ts';
import { fromComing, isComing, toComing } from './model-format.ts';
import { messageFrame, NOTHING, type Packet, readCommands } from './model-wire.ts';
import type { Wire } from './model-types.ts';

const INFO = JSON.stringify({
  server_id: 'MODEL',
  server_name: 'model',
  version: '2.10.27',
  headers: true,
  jetstream: true,
  max_payload: 1_048_576,
  host: 'model',
  port: 4222,
  proto: 1,
  client_id: 1,
});

/** A process, as its connection sees it. */
interface Actor extends Owner {
  mayAct(): boolean;
  readonly isAhead: boolean;
  readonly onNewer?: ((acknowledge: () => void) => void) | undefined;
  readonly onSaid?: ((packet: Packet) => void) | undefined;
}

/** The wire between a process and the server, in the shape that the NATS client wants of a transport. */
export class ModelLink implements Wire, Transport {
  readonly lang = 'nats.js';
  readonly version = 'model';
  closeError?: Error;
  isClosed = false;
  readonly #clock: Clock;
  readonly #server: ModelServer;
  readonly #process: Actor;
  readonly #subscriptions = new Map<
    string,
    { readonly subject: string; left: number | undefined }
  >();
  readonly #latencyMs: () => number;
  #isAttached = false;
  #arrived: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  #ended: () => void = () => undefined;
  readonly #end: Promise<void>;
  /** Neither direction overtakes itself. */
  #lastOutAt = 0;
  #lastInAt = 0;

  constructor(server: ModelServer, process: Actor, latencyMs: () => number) {
    this.#server = server;
    this.#clock = server.clock;
    this.#process = process;
    this.#latencyMs = latencyMs;
    this.#end = new Promise((resolve) => {
      this.#ended = resolve;
    });
  }

  async connect(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#clock.after(this.#latencyMs(), this.#process, () => {
        if (!this.#server.isUp) {
          reject(new Error('connection refused'));
          return;
        }
        this.#isAttached = true;
        this.#server.attach(this);
        this.#toClient(Buffer.from(`INFO ${INFO}\r\n`));
        resolve();
      });
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (!this.isClosed) {
      const frames = this.#arrived;
      this.#arrived = [];
      for (const frame of frames) yield frame;
      if (this.#arrived.length > 0 || this.isClosed) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  isEncrypted(): boolean {
    return false;
  }

  send(frame: Uint8Array): void {
    if (this.isClosed || !this.#process.mayAct()) return;
    // The client uses the buffer again.
    const copy = Buffer.from(frame);
    this.#lastOutAt = Math.max(this.#lastOutAt, this.#clock.now + this.#latencyMs());
    this.#clock.after(this.#lastOutAt - this.#clock.now, undefined, () => this.#read(copy));
  }

  /** The connection is gone, and with it what is on its way; the process hears of it a little later. */
  break(): void {
    this.#isAttached = false;
    this.#clock.after(this.#latencyMs(), this.#process, () => this.discard());
  }

  /** The process is dead; what it has sent arrives all the same. */
  cut(): void {
    this.#clock.after(this.#lastOutAt - this.#clock.now, undefined, () => this.#detach());
  }

  close(error?: Error): Promise<void> {
    if (error !== undefined) this.closeError = error;
    this.discard();
    return Promise.resolve();
  }

  disconnect(): void {
    this.discard();
  }

  closed(): Promise<void> {
    return this.#end;
  }

  discard(): void {
    this.isClosed = true;
    this.cut();
    this.#wake?.();
    this.#ended();
  }

  /** The number of the subscription that an inbox belongs to. */
  sidFor(inbox: string): string | undefined {
    for (const [sid, { subject }] of this.#subscriptions) {
      const isFamily = subject.endsWith('.*') && inbox.startsWith(subject.slice(0, -1));
      if (isFamily || subject === inbox) return sid;
    }
    return undefined;
  }

  deliver(sid: string, packet: Packet): void {
    const subscription = this.#subscriptions.get(sid);
    if (subscription === undefined) return;
    if (subscription.left !== undefined && --subscription.left <= 0)
      this.#subscriptions.delete(sid);
    const { isAhead, onNewer } = this.#process;
    if (!isAhead && isComing(packet)) onNewer?.(() => this.#acknowledge(packet));
    this.#toClient(messageFrame(sid, isAhead ? fromComing(packet) : packet));
  }

  #acknowledge({ reply }: Packet): void {
    this.#server.receive({
      subject: reply,
      reply: '',
      headers: NOTHING,
      data: Buffer.from('+ACK'),
    });
  }

  #detach(): void {
    this.#isAttached = false;
    this.#server.detach(this);
  }

  #toClient(frame: Buffer): void {
    this.#lastInAt = Math.max(this.#lastInAt, this.#clock.now + this.#latencyMs());
    this.#clock.after(this.#lastInAt - this.#clock.now, this.#process, () => {
      if (this.isClosed || !this.#isAttached) return;
      this.#arrived.push(frame);
      this.#wake?.();
    });
  }

  #read(frame: Buffer): void {
    if (!this.#isAttached) return;
    for (const command of readCommands(frame)) {
      if (command.verb === 'pub') {
        this.#process.onSaid?.(command);
        this.#server.receive(this.#process.isAhead ? toComing(command) : command);
      } else if (command.verb === 'sub') {
        this.#subscriptions.set(command.sid, { subject: command.subject, left: undefined });
      } else if (command.verb === 'unsub') {
        const subscription = this.#subscriptions.get(command.sid);
        if (command.max === undefined) this.#subscriptions.delete(command.sid);
        else if (subscription !== undefined) subscription.left = command.max;
      } else if (command.verb === 'ping') this.#toClient(Buffer.from('PONG\r\n'));
    }
  }
}
