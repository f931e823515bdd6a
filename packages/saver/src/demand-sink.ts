import { LeatError, type SinkIdentity } from '@leat/core';
import type { Committed, SinkRejection, SinkSession } from '@leat/sdk';

// A sink may not be written in TypeScript, and what it answers wrongly it would answer so for ever.

/** @throws LeatError `sink-unfit` if it is no session */
export function demandSession(session: SinkSession | null | undefined, kind: string): void {
  const identity: Partial<SinkIdentity> | undefined = session?.identity;
  const isNamed = typeof identity?.mark === 'string' && typeof identity.place === 'string';
  const isWhole = typeof session?.commit === 'function' && typeof session.close === 'function';
  if (isWhole && (identity === undefined || isNamed)) return;
  throw new LeatError(
    'sink-unfit',
    `The sink ${kind} must open a session with commit and close, and an identity of two texts if it has one.`,
  );
}

/**
 * What a sink said of a commit, if it is that: a sink may not be written in TypeScript.
 *
 * @throws LeatError `sink-unfit`
 */
export function demandCommitted(
  committed: readonly Committed[] | undefined,
  count: number,
): readonly Committed[] {
  const isList = Array.isArray(committed);
  const isWhole = isList && committed.length === count;
  if (isWhole && committed.every((each) => typeof each?.receipt === 'object')) return committed;
  const what = isList ? `a list of ${committed.length}` : typeof committed;
  const sentence = `The sink's commit must give { receipt, isDuplicate } for each of its ${count} chunks, in their order; it gave ${what}.`;
  throw new LeatError('sink-unfit', sentence);
}

/** A mistake of the sink, which it would make again with the same chunks. */
export function rejectsNothing(cause: SinkRejection): LeatError {
  const sentence = 'The sink rejected a commit, and names no record of it that it cannot take.';
  return new LeatError('sink-unfit', sentence, { cause });
}
