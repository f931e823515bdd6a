import type { Socket } from 'node:net';
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';

// What Leat needs of the client of NATS and its types do not show: all of it is here, and a test on a real
// server, `test/integration/jetstream-client-internals.test.ts`, says when a version of the client has changed it.

/** The subject on which a message is acknowledged. */
export function replyOf(message: JsMsg): string {
  return (message as JsMsg & { readonly reply: string }).reply;
}

/**
 * Ends a pull so that what the server has sent already still arrives: a plain `stop` would leave it
 * unanswered until its acknowledgement window has passed.
 */
export async function drainPull(messages: ConsumerMessages): Promise<void> {
  const { sub } = messages as unknown as { readonly sub: Subscription };
  await sub.drain();
}

/**
 * Drops the socket of a connection on whose other end all is silent, so that the client connects again. It
 * would flush first, and wait for that until the operating system gives up on the socket: a quarter of an
 * hour, in which this process holds what it has in hand.
 */
export function dropSocket(connection: NatsConnection): void {
  const { protocol } = connection as unknown as {
    readonly protocol: { readonly transport: { readonly socket?: Socket } };
  };
  protocol.transport.socket?.destroy();
}
