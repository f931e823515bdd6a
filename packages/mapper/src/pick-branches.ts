import { isThenable, TerminalError } from '@leat/core';
import type { RouteContext, RouteWork } from '@leat/sdk';
import { InvalidResult } from '@leat/runtime';
import type { GivenUp, Routed } from './outcome.ts';

/** A record takes no branch of a route whose author does not expect that. */
class NoBranch extends TerminalError {
  override readonly name: string = 'NoBranch';
}

/** The function of a route has named a branch that the route does not have. */
class UnknownBranch extends TerminalError {
  override readonly name: string = 'UnknownBranch';
}

/**
 * Asks the function of a route where a record goes. It is asked once: a function of the record alone says the same
 * again.
 *
 * @returns nothing for a record that counts as filtered
 */
export function pickBranches(
  work: RouteWork,
  record: unknown,
  context: RouteContext<unknown>,
): Routed | readonly [] | GivenUp {
  try {
    const branches = branchesOf(work, work.apply(record, context));
    if (branches.length > 0) return { branches };
    if (work.otherwise === 'filter') return [];
    throw new NoBranch(
      `pick named none of the branches ${work.to.join(', ')}, and the route says otherwise: 'dead'`,
    );
  } catch (error) {
    return { error, attempts: 1 };
  }
}

function branchesOf({ to, isPredicate }: RouteWork, answer: unknown): readonly string[] {
  if (isThenable(answer)) {
    // Nobody waits for it.
    Promise.resolve(answer).catch(() => undefined);
    throw new InvalidResult(
      `${isPredicate ? 'the predicate' : 'pick'} returned a promise, and must answer at once: let a mapper before it find out what it has to know`,
    );
  }
  if (isPredicate) {
    if (typeof answer === 'boolean') return to.slice(answer ? 0 : 1, answer ? 1 : 2);
    throw new InvalidResult(
      `the predicate must return true or false; it returned ${wordOf(answer)}`,
    );
  }
  const named: readonly unknown[] = Array.isArray(answer)
    ? answer
    : answer === undefined
      ? []
      : [answer];
  const unknown = named.find((each) => !to.includes(each as string));
  if (unknown === undefined && !named.includes(undefined))
    return to.filter((each) => named.includes(each));
  throw new UnknownBranch(
    `pick must return one of ${to.join(', ')}, a list of them or undefined; it returned ${wordOf(unknown)}`,
  );
}

function wordOf(value: unknown): string {
  return typeof value === 'string' || value === null
    ? JSON.stringify(value)
    : `a value of the type ${typeof value}`;
}
