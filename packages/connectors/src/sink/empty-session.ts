import { admitToSink, type SinkContext, type SinkSession } from '@leat/sdk';
import { openedToRead } from './fenced.ts';

/**
 * What a session is that was opened to read where nothing is. It makes nothing, and has no mark: a run that was saved
 * elsewhere is not taken for one that has nothing.
 *
 * @param place where nothing is, for people
 */
export function emptySession(context: SinkContext, place: string): SinkSession {
  const { mark } = admitToSink(undefined, context);
  return {
    identity: { mark, place },
    commit: () => Promise.reject(openedToRead(context)),
    receipts: nothing,
    read: nothing,
    close: () => Promise.resolve(),
  };
}

async function* nothing(): AsyncGenerator<never> {}
