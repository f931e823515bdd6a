import type { JsMsg } from '@nats-io/jetstream';

/** The subject on which a message is acknowledged; the client keeps it behind its own type. */
export function replyOf(message: JsMsg): string {
  return (message as unknown as { readonly msg: { readonly reply: string } }).msg.reply;
}
