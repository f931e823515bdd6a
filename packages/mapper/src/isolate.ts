import { isA, LeatError } from '@leat/core';
import { wait } from '@leat/runtime';
import { linesOf, type Mapper } from '@leat/sdk';
import { Failures } from './failures.ts';
import type { ServiceJob } from './job.ts';
import type { WorkedOn } from './outcome.ts';

/** A record that stands alone has ended what worked on it, or had to be ended: that is tried no further. */
export class Deadly extends Error {}

export interface Isolation {
  readonly job: ServiceJob;
  readonly mapper: Pick<Mapper, 'retry'>;
  /**
   * Works on a part of the chunk.
   *
   * @throws Deadly if the part is to blame and alone must not be tried again, LeatError if nothing can be
   * worked on, and otherwise whatever failed for the part as a whole
   */
  readonly attempt: (part: ServiceJob) => Promise<WorkedOn>;
  readonly signal: AbortSignal;
}

/**
 * Works on a chunk that fails as a whole: it is halved until the bad record stands alone, which is given up
 * under its policy. Of a hundred records, one costs fourteen further executions, and the others are saved.
 *
 * @throws LeatError as `attempt` does; the reason of the signal
 */
export async function isolate(isolation: Isolation): Promise<WorkedOn> {
  const lines = linesOf(isolation.job.body);
  return settle(isolation, lines, 0, lines.length, 0);
}

/** What became of the lines from `from` up to `to`. */
async function settle(
  isolation: Isolation,
  lines: readonly Uint8Array[],
  from: number,
  to: number,
  failed: number,
): Promise<WorkedOn> {
  const { job, mapper, attempt, signal } = isolation;
  const part = partOf(job, lines, from, to);
  const failures = new Failures(mapper.retry, failed);
  for (;;) {
    try {
      return await attempt(part);
    } catch (error) {
      signal.throwIfAborted();
      if (isA(error, LeatError)) throw error;
      const decision = failures.add(error);
      if (to - from > 1) break;
      if (isA(error, Deadly) || decision.action === 'give-up') {
        const reason = isA(error, Deadly) ? error.cause : error;
        return { outcomes: [{ error: reason, attempts: failures.count }], retries: 0 };
      }
      await wait(decision.delayMs, signal);
    }
  }
  const middle = (from + to) >> 1;
  const first = await settle(isolation, lines, from, middle, failures.count);
  const second = await settle(isolation, lines, middle, to, failures.count);
  return {
    outcomes: [...first.outcomes, ...second.outcomes],
    retries: first.retries + second.retries,
  };
}

function partOf(
  job: ServiceJob,
  lines: readonly Uint8Array[],
  from: number,
  to: number,
): ServiceJob {
  const origins = job.origins ?? lines.map((_, index) => index);
  return {
    ...job,
    // A copy: what is sent is the whole buffer that an array is a window of.
    body: new Uint8Array(Buffer.concat(lines.slice(from, to))),
    records: to - from,
    origins: origins.slice(from, to),
  };
}
