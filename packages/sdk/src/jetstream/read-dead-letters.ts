import { deadSubject, runOfSubject, streamName } from '@leat/core';
import { jetstreamManager, type JetStreamManager, type StoredMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { DeadLetter } from '../dead-letter.ts';
import { isGone } from './provision.ts';

/** Which dead letters are meant; all of them, if nothing is said. */
export interface WantedDeadLetters {
  readonly pipeline?: string | undefined;
  readonly run?: string | undefined;
}

/** The pipelines on a server that have a stream of dead letters, by name. */
export async function deadLetterPipelines(connection: NatsConnection): Promise<string[]> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const [before = '', after = ''] = streamName('*', 'dead').split('*');
  const pipelines: string[] = [];
  for await (const name of manager.streams.names(deadSubject('*', '*'))) {
    if (name.startsWith(before) && name.endsWith(after)) {
      pipelines.push(name.slice(before.length, -after.length));
    }
  }
  return pipelines.toSorted();
}

/**
 * Reads dead letters, pipeline by pipeline, oldest first; those that come meanwhile are not waited for.
 * One letter at a time is in memory, and one request at a time under way, which fails when the server
 * does not answer: a consumer would wait for ever. A letter that was buried again, because its chunk was
 * sent again, is given once; what is remembered for that is bounded as the stream is, in bytes.
 *
 * @param onUnreadable told of a message that is no dead letter
 * @throws whatever the client throws when the server is away
 */
export async function* readDeadLetters(
  connection: NatsConnection,
  { pipeline, run }: WantedDeadLetters,
  onUnreadable: (stream: string, seq: number) => void,
): AsyncGenerator<DeadLetter> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const pipelines = pipeline === undefined ? await deadLetterPipelines(connection) : [pipeline];
  for (const each of pipelines) {
    const stream = streamName(each, 'dead');
    const seen = new Set<string>();
    for await (const message of messagesOf(manager, stream, deadSubject(each, run ?? '*'))) {
      const letter = letterIn(message);
      if (letter === undefined) {
        onUnreadable(stream, message.seq);
        continue;
      }
      const key = [letter.run, letter.stage, letter.chunk, letter.index].join(' ');
      if (seen.has(key)) continue;
      seen.add(key);
      yield letter;
    }
  }
}

/** The messages that are on a stream now, under a subject; none, if the stream is not there (any more). */
async function* messagesOf(
  manager: JetStreamManager,
  stream: string,
  subject: string,
): AsyncGenerator<StoredMsg> {
  try {
    const { last_seq: last } = (await manager.streams.info(stream)).state;
    for (let seq = 1; seq <= last;) {
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

/** What others may have put on the stream is not trusted to be a letter. */
function letterIn(message: StoredMsg): DeadLetter | undefined {
  let value: Partial<DeadLetter> | null;
  try {
    value = message.json<Partial<DeadLetter> | null>();
  } catch {
    return undefined;
  }
  const { pipeline, run, stage, chunk, position, record, at, index, attempts, error } = value ?? {};
  const texts = [pipeline, run, stage, chunk, position, record, at, error?.name, error?.message];
  const isLetter =
    texts.every((text) => typeof text === 'string') &&
    [index, attempts].every((count) => Number.isInteger(count)) &&
    run === runOfSubject(message.subject);
  return isLetter ? (value as DeadLetter) : undefined;
}
