import { deadSubject, streamName } from '@leat/core';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Signing } from '../signing/signing.ts';
import type { DeadLetter } from './dead-letter.ts';
import { DeadLetterStore, type OnUnreadable } from './dead-letter-store.ts';

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
 * A letter that was buried again, because its chunk was worked on again, is given once; what is remembered
 * for that is bounded as the stream is, in bytes.
 *
 * @param onUnreadable told of a message that is no dead letter, or one that only a newer Leat can read
 * @throws whatever the client throws when the server is away
 */
export async function* readDeadLetters(
  { nats, signing }: { readonly nats: NatsConnection; readonly signing: Signing | undefined },
  { pipeline, run }: WantedDeadLetters,
  onUnreadable: OnUnreadable,
): AsyncGenerator<DeadLetter> {
  const pipelines = pipeline === undefined ? await deadLetterPipelines(nats) : [pipeline];
  for (const each of pipelines) {
    const store = await DeadLetterStore.open(nats, each, signing);
    const seen = new Set<string>();
    for await (const { letter } of store.letters(run ?? '*', onUnreadable)) {
      const key = [letter.run, letter.stage, letter.chunk, letter.index].join(' ');
      if (seen.has(key)) continue;
      seen.add(key);
      yield letter;
    }
  }
}
