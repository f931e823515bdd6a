import { messageOf } from '@leat/core';
import {
  type ConsumerConfig,
  jetstream,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
  type JsMsg,
  type StreamConfig,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

/** What the plays are made of; each step notes what came of it. */
export class Stage {
  readonly seen: unknown[] = [];
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;

  readonly #nats: NatsConnection;
  readonly #restartServer: () => Promise<void>;

  private constructor(
    nats: NatsConnection,
    manager: JetStreamManager,
    restartServer: () => Promise<void>,
  ) {
    this.#nats = nats;
    this.client = jetstream(nats);
    this.manager = manager;
    this.#restartServer = restartServer;
  }

  static async open(
    nats: NatsConnection,
    restartServer: () => Promise<void> = () => Promise.resolve(),
  ): Promise<Stage> {
    const manager = await jetstreamManager(nats, { checkAPI: false });
    return new Stage(nats, manager, restartServer);
  }

  /** Stops the server and starts it again, and waits until the connection is back. */
  async restart(): Promise<void> {
    const status = this.#nats.status();
    await this.#restartServer();
    for await (const { type } of status) if (type === 'reconnect') return;
  }

  note(...what: readonly unknown[]): void {
    this.seen.push(...what);
  }

  async stream(config: object = {}): Promise<void> {
    const wanted = {
      name: 't',
      subjects: ['t.*'],
      retention: 'workqueue',
      discard: 'new',
      ...config,
    };
    await this.manager.streams.add(wanted as Partial<StreamConfig> & { name: string });
  }

  async consumer(config: object = {}): Promise<void> {
    const wanted = { durable_name: 'c', ack_policy: 'explicit', ack_wait: 600e6, ...config };
    await this.manager.consumers.add('t', wanted as Partial<ConsumerConfig>);
  }

  async publish(text: string, msgID?: string, subject = 't.a'): Promise<void> {
    const options = msgID === undefined ? {} : { msgID };
    await this.try(async () => {
      const { seq, duplicate } = await this.client.publish(subject, text, options);
      return `stored ${seq}${duplicate ? ' again' : ''}`;
    });
  }

  /** Pulls once, and notes what comes within a second. */
  async fetch(most = 10, consumer = 'c'): Promise<JsMsg[]> {
    const messages: JsMsg[] = [];
    await this.try(async () => {
      const found = await this.client.consumers.get('t', consumer);
      for await (const message of await found.fetch({ max_messages: most, expires: 1_000 })) {
        messages.push(message);
      }
      return messages.map((each) => `${each.string()} ${each.seq} ${each.info.deliveryCount}`);
    });
    return messages;
  }

  /** Notes how many messages there are, unseen and held. */
  async count(): Promise<void> {
    const { state } = await this.manager.streams.info('t', { subjects_filter: '>' });
    this.note(state.messages, { ...state.subjects });
    await this.try(async () => {
      const { num_pending, num_ack_pending } = await this.manager.consumers.info('t', 'c');
      return { num_pending, num_ack_pending };
    });
  }

  async try(step: () => Promise<unknown>): Promise<void> {
    try {
      this.note(await step());
    } catch (error) {
      this.note(`${(error as Error).name}: ${messageOf(error)}`);
    }
  }
}
