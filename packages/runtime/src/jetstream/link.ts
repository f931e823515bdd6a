import type { NatsConnection } from '@nats-io/transport-node';

/**
 * Whether a connection stands at the moment. Whatever is published while it does not is thrown away by the
 * client, and so is what it had asked the server for.
 */
export class Link {
  #state: 'up' | 'down' | 'closed' = 'up';
  readonly #listeners = new Set<() => void>();

  constructor(connection: NatsConnection) {
    void this.#watch(connection);
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  /** Whether it is closed for good: by us, or by the client because of a fault of its own. */
  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Tells of each change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits until the connection stands or is closed for good, or the signal is aborted. */
  async settled(signal: AbortSignal): Promise<void> {
    if (this.#state !== 'down' || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.#state === 'down' && !signal.aborted) return;
        stopListening();
        signal.removeEventListener('abort', look);
        resolve();
      };
      const stopListening = this.onChange(look);
      signal.addEventListener('abort', look);
    });
  }

  async #watch(connection: NatsConnection): Promise<void> {
    void connection.closed().then(() => this.#become('closed'));
    for await (const { type } of connection.status()) {
      if (type === 'disconnect') this.#become('down');
      else if (type === 'reconnect') this.#become('up');
    }
  }

  #become(state: 'up' | 'down' | 'closed'): void {
    if (this.#state === 'closed') return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}
