import { messageOf } from '@leat/core';
import { complain } from './output.ts';

const SAY_EVERY_MS = 1_000;

/**
 * A promise that is rejected when nothing waits for it any more does not end the process, as it would by
 * Node's default: the function that left it behind has its result. It is said, at most once a second.
 */
export function sayUnheardRejections(): void {
  let lastMs = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  process.on('unhandledRejection', (reason) => {
    const nowMs = performance.now();
    if (nowMs - lastMs < SAY_EVERY_MS) {
      unsaid++;
      return;
    }
    const more = unsaid === 0 ? '' : ` (and ${unsaid} more since the last)`;
    complain(`A promise was rejected that nothing waited for${more}: ${messageOf(reason)}`);
    lastMs = nowMs;
    unsaid = 0;
  });
}
