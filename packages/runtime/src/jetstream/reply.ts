/** The consumer in a reply subject: `$JS.ACK.<stream>.<consumer>.…`, or with domain and account before the stream. */
export function consumerOfReply(reply: string): string {
  const tokens = reply.split('.');
  return (tokens.length > 9 ? tokens[5] : tokens[3]) ?? '';
}
