import type { OnUnreadable } from '@leat/runtime';
import type { Site } from '../site.ts';

/** Tells the log of messages that are left out: no dead letters, or those that only a newer Leat can read. */
export function sayLeftOut({ logger }: Pick<Site, 'logger'>): OnUnreadable {
  return (stream, seq, newer) => {
    const why = newer?.message ?? 'a message that is no dead letter is left out';
    logger.warn({ stream, seq }, why);
  };
}
