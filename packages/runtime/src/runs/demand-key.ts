import { LeatError } from '@leat/core';
import type { EntryStore } from './entry-store.ts';

/**
 * To be called before somebody writes what decides about a run.
 *
 * @throws LeatError `invalid-configuration` if the run is signed, and this process signs nothing: no service would
 *   believe it
 */
export async function demandKey(entries: EntryStore, run: string): Promise<void> {
  if (entries.signs) return;
  const id = await entries.signerOf(`run.${run}`);
  if (id === undefined) return;
  throw new LeatError(
    'invalid-configuration',
    `The run ${run} is signed with the key ${id}, and no service would believe this process, which has no key: give it one by --signing-key ${id}:FILE (LEAT_SIGNING_KEY).`,
  );
}
