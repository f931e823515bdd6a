import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { isGone } from './provision.ts';

/**
 * The messages that are on a stream now, under a subject, oldest first; none, if the stream is not there
 * (any more). Those that come meanwhile are not waited for. One is in memory at a time, and one request
 * under way, which fails when the server does not answer: a consumer would wait for ever.
 *
 * @param from the first place in the stream that is looked at
 * @throws whatever the client throws when the server is away
 */
export async function* messagesOf(
  manager: JetStreamManager,
  stream: string,
  subject: string,
  from = 1,
): AsyncGenerator<StoredMsg> {
  try {
    const { last_seq: last } = (await manager.streams.info(stream)).state;
    for (let seq = from; seq <= last;) {
      // The first one from here on; the server knows the question, the client's types do not.
      const next = { seq, next_by_subj: subject };
      const message = await manager.streams.getMessage(stream, next);
      if (message === null || message.seq > last) return;
      yield message;
      seq = message.seq + 1;
    }
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
