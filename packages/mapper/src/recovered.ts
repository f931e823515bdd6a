import { causesOf, describeThrown, isA, LeatError, type ThrownDescription } from '@leat/core';
import type { RecordFailure } from '@leat/sdk';
import type { LimitFunction } from 'p-limit';
import type { ChunkTask } from './chunk-task.ts';
import { encodeResults } from './encode.ts';
import { Failures } from './failures.ts';
import type { GivenUp, Outcome } from './outcome.ts';

/**
 * Calls the user's `recover` on a record that would be given up: once, and again only after somebody was busy.
 *
 * @returns its result, or why the record is given up after all
 * @throws the reason why the chunk is not wanted any more; LeatError
 */
export async function recovered(
  task: ChunkTask,
  index: number,
  givenUp: GivenUp,
  limit: LimitFunction,
): Promise<Outcome> {
  const failure = failureOf(givenUp);
  const failures = new Failures({ ...task.mapper.retry, attempts: 1 });
  for (;;) {
    try {
      const outcome = await limit(() =>
        task.call(
          index,
          () => task.recover(index, failure),
          (result) => encoded(task, index, result),
        ),
      );
      task.recovered++;
      task.loggerOf(index).debug({ err: failure.error, attempts: failure.attempts }, 'recovered');
      return outcome;
    } catch (error) {
      task.wanted.throwIfAborted();
      if (isA(error, LeatError)) throw error;
      const decision = failures.add(error);
      if (decision.action === 'give-up') return { ...givenUp, error: becauseOf(failure, error) };
      await task.waitAfter(index, error, decision.isBusy, decision.delayMs);
    }
  }
}

/** What `recover` is given of a record that would be given up. */
export function failureOf({ error, attempts }: GivenUp): RecordFailure {
  return { error: describeThrown(error), attempts };
}

/** What a dead letter says of a record that could not be recovered: why, and last of its causes why it had failed. */
export function becauseOf({ error: first }: RecordFailure, thrown: unknown): ThrownDescription {
  const description = describeThrown(thrown);
  for (const at of causesOf(thrown)) if (at === first) return description;
  return causedBy(description, first);
}

function causedBy(error: ThrownDescription, first: ThrownDescription): ThrownDescription {
  const { cause } = error;
  return { ...error, cause: cause === undefined ? first : causedBy(cause, first) };
}

/** Of `mapChunk` it gives the result of one record. */
function encoded(task: ChunkTask, index: number, result: unknown): Outcome {
  if (task.mapper.work.type !== 'mapChunk') return task.encode(index, result);
  return encodeResults(task.mapper, [result], 1);
}
