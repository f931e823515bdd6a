import { randomUUID } from 'node:crypto';
import { claimSink, parseSinkClaim } from '@leat/core';
import type { SinkContext } from './contracts.ts';

/**
 * Decides whether a session may be opened on a sink, for the one who writes one. The sink keeps a text for
 * each run id and saver, beside its fence; here it is compared with the run that comes.
 *
 * @param found the text that the sink keeps; `undefined` if it has nothing of a run with this id, and
 *   empty if it has something and no text
 * @returns the text that is to be kept from now on, and the sink's mark in it for `SinkSession.identity`;
 *   a session that only reads keeps nothing, and finds an empty mark where none is kept
 * @throws LeatError `sink-taken` if the sink holds another run with this id
 */
export function admitToSink(
  found: string | undefined,
  { identity, isRecovered, stage, fence }: SinkContext,
): { readonly text: string; readonly mark: string } {
  const text = claimSink(found, { identity, isRecovered, saver: stage }, randomUUID());
  const kept = fence === undefined ? (found ?? '') : text;
  return { text, mark: parseSinkClaim(kept)?.sink ?? '' };
}
