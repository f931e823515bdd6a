import { messageOf } from '@leat/core';
import { limitedLogger, type Logger } from '@leat/runtime';
import { complain } from './output.ts';

/**
 * A promise that is rejected when nothing waits for it any more does not end the process, as it would by
 * Node's default: the function that left it behind has its result. It is said, at most once a second.
 */
export function sayUnheardRejections(): void {
  const log = limitedLogger(complaints());
  process.on('unhandledRejection', (reason) => {
    // The reason is no part of the cause: those of a hundred records may all be different.
    log.warn({ reason: messageOf(reason) }, 'A promise was rejected that nothing waited for');
  });
}

/** Standard error as a log, before there is one. */
function complaints(): Logger {
  return { level: 'warn', child: complaints, debug: say, info: say, warn: say, error: say };
}

function say(first: string | object, text?: string): void {
  const { reason = '' } = first as { readonly reason?: string };
  complain(`${text}: ${reason}`);
}
