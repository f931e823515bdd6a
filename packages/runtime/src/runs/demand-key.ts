import { LeatError } from '@leat/core';
import type { Entry, EntryStore } from './entry-store.ts';
import { isRunRequest } from './run-entries.ts';

/**
 * To be called before somebody writes what decides about a run.
 *
 * @throws LeatError `invalid-configuration` if the run is signed, and this process signs nothing: no service would
 *   believe it
 */
export async function demandKey(entries: EntryStore, run: string): Promise<void> {
  if (entries.signs) return;
  const refusal = keyMissing(entries, run, await entries.find(`run.${run}`, isRunRequest));
  if (refusal !== undefined) throw refusal;
}

/** That a run is signed, if this process has no key: what it did for the run, nobody would believe. */
export function keyMissing(
  { signs }: Pick<EntryStore, 'signs'>,
  run: string,
  entry: Pick<Entry<unknown>, 'signer'> | undefined,
): LeatError | undefined {
  const id = entry?.signer;
  if (signs || id === undefined) return undefined;
  return new LeatError(
    'invalid-configuration',
    `The run ${run} is signed with the key ${id}, and no service would believe this process, which has no key: give it one by --signing-key ${id}:FILE (LEAT_SIGNING_KEY).`,
  );
}

/** Whether an error is what {@link keyMissing} gives. */
export function isKeyMissing(error: unknown): error is LeatError {
  return error instanceof LeatError && error.code === 'invalid-configuration';
}
