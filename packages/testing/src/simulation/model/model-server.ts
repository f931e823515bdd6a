import type { Clock } from '../clock.ts';
import { answerApi, type ApiServer, isApi } from './model-api.ts';
import type { ModelStream } from './model-stream.ts';
import type { Broker, Mischief, Observer, Wire } from './model-types.ts';
import { NOTHING, type Packet, statusBlock } from './model-wire.ts';

/** A NATS server with JetStream, without disk, sockets or time of its own. */
export class ModelServer implements Broker, ApiServer {
  readonly clock: Clock;
  readonly streams: Map<string, ModelStream> = new Map<string, ModelStream>();
  readonly observer: Observer;
  readonly #mischief: Mischief;
  readonly #links = new Set<Wire>();
  isUp = true;
  /** Whether JetStream answers; while a leader is elected it does not. */
  hasLeader = true;

  constructor(clock: Clock, observer: Observer, mischief: Mischief) {
    this.clock = clock;
    this.observer = observer;
    this.#mischief = mischief;
  }

  attach(link: Wire): void {
    this.#links.add(link);
  }

  detach(link: Wire): void {
    this.#links.delete(link);
  }

  /**
   * Stops, and starts again: connections and whatever is in memory only are gone.
   *
   * @param isForgetful whether what consumers knew had not reached the disk, as 2.10.27 was seen to do
   */
  restart(downMs: number, isForgetful: boolean): void {
    this.isUp = false;
    for (const link of this.#links) link.break();
    this.#links.clear();
    for (const stream of this.streams.values()) stream.restart(isForgetful);
    this.clock.after(downMs, undefined, () => {
      this.isUp = true;
    });
  }

  deleteStream(name: string): void {
    this.streams.get(name)?.close();
    this.streams.delete(name);
  }

  /** Takes a message from a client. */
  receive(packet: Packet): void {
    if (packet.subject.startsWith('$JS.') && !this.hasLeader) {
      this.sendNoResponders(packet.reply);
    } else if (isApi(packet.subject)) {
      answerApi(this, packet);
    } else if (packet.subject.startsWith('$JS.ACK.')) {
      this.#acknowledge(packet);
    } else {
      this.#publish(packet);
    }
  }

  /** Whether somebody is subscribed to an inbox. */
  isListening(inbox: string): boolean {
    for (const link of this.#links) if (link.sidFor(inbox) !== undefined) return true;
    return false;
  }

  /** Sends a message to the one who listens on an inbox, whatever the message's own subject. */
  send(inbox: string, packet: Packet): void {
    if (inbox === '') return;
    for (const link of this.#links) {
      const sid = link.sidFor(inbox);
      if (sid !== undefined) link.deliver(sid, packet);
    }
  }

  sendNoResponders(inbox: string): void {
    this.send(inbox, { subject: inbox, reply: '', headers: statusBlock('503'), data: NOTHING });
  }

  #publish(packet: Packet): void {
    const stream = [...this.streams.values()].find((each) => each.takes(packet.subject));
    if (stream === undefined || !this.hasLeader) {
      if (this.isListening(packet.subject)) this.send(packet.subject, packet);
      else this.sendNoResponders(packet.reply);
      return;
    }
    const fate = this.#mischief.publishFate();
    if (fate === 'lost') return;
    // A copy: the frame that it came in is the client's.
    const { subject, reply } = packet;
    const headers = Buffer.from(packet.headers);
    const data = Buffer.from(packet.data);
    const answer = stream.publish({ subject, reply, headers, data });
    if (fate === 'unanswered') return;
    const answerPacket: Packet = {
      subject: reply,
      reply: '',
      headers: NOTHING,
      data: Buffer.from(JSON.stringify(answer)),
    };
    const delayMs = this.#mischief.answerDelayMs();
    if (delayMs === 0) this.send(reply, answerPacket);
    else this.clock.after(delayMs, undefined, () => this.send(reply, answerPacket));
  }

  /** `$JS.ACK.<stream>.<consumer>.<delivery count>.<stream seq>.<delivery seq>.<time>.<pending>` */
  #acknowledge({ subject, data, reply }: Packet): void {
    const words = subject.split('.');
    const stream = this.streams.get(words[2] ?? '');
    const consumer = stream?.consumers.get(words[3] ?? '');
    if (stream === undefined || consumer === undefined) return;
    if (this.#mischief.losesAcknowledgement()) return;
    const seq = Number(words[5]);
    const payload = data.toString();
    const message = stream.messages.get(seq);
    // The server does not see that an acknowledgement is for a message of a stream that is no more.
    const isOfThis = message !== undefined && Math.round(message.at * 1e6) === Number(words[7]);
    if (isOfThis && (payload === '' || payload.startsWith('+ACK'))) {
      this.observer.acknowledged(stream, message, Number(words[4]));
    }
    consumer.answer(seq, payload);
    this.send(reply, { subject: reply, reply: '', headers: NOTHING, data: NOTHING });
  }
}
