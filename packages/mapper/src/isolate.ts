import { isA, LeatError } from '@leat/core';
import { wait } from '@leat/runtime';
import { linesOf, type Mapper } from '@leat/sdk';
import { Failures } from './failures.ts';
import type { ServiceJob } from './job.ts';
import type { GivenUp, WorkedOn } from './outcome.ts';
import { becauseOf, failureOf } from './recovered.ts';

/** A record that stands alone has ended what worked on it, or had to be ended: that is tried no further. */
export class Deadly extends Error {}

export interface Isolation {
  readonly job: ServiceJob;
  readonly mapper: Pick<Mapper, 'retry' | 'recover'>;
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
        return await giveUp(isolation, part, { error: reasonOf(error), attempts: failures.count });
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
    recovered: first.recovered + second.recovered,
  };
}

/** A record that stands alone is given up, unless `recover` gives its result: it is called where it does no harm, too. */
async function giveUp(
  { mapper, attempt, signal }: Isolation,
  part: ServiceJob,
  givenUp: GivenUp,
): Promise<WorkedOn> {
  if (mapper.recover === undefined) return settled(givenUp);
  const failure = failureOf(givenUp);
  try {
    return await attempt({ ...part, failure });
  } catch (error) {
    signal.throwIfAborted();
    if (isA(error, LeatError)) throw error;
    return settled({ ...givenUp, error: becauseOf(failure, reasonOf(error)) });
  }
}

function settled(outcome: GivenUp): WorkedOn {
  return { outcomes: [outcome], retries: 0, recovered: 0 };
}

function reasonOf(error: unknown): unknown {
  return isA(error, Deadly) ? error.cause : error;
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
    ...(job.offsets && { offsets: job.offsets.slice(from, to) }),
  };
}
