import type { JsMsg } from '@nats-io/jetstream';

/** The subject on which a message is acknowledged; the client keeps it behind its own type. */
export function replyOf(message: JsMsg): string {
  return (message as unknown as { readonly msg: { readonly reply: string } }).msg.reply;
}

/** The consumer in a reply subject: `$JS.ACK.<stream>.<consumer>.…`, or with domain and account before the stream. */
export function consumerOfReply(reply: string): string {
  const tokens = reply.split('.');
  return (tokens.length > 9 ? tokens[5] : tokens[3]) ?? '';
}
