import { type Format, formatAge, type LeatError, newerVersion, runOfSubject } from '@leat/core';
import type { JsMsg } from '@nats-io/jetstream';
import { FORMAT } from './chunk-message.ts';

/** How long a message is left alone that only a newer version of Leat can read. */
export const NEWER_DELAY_MS = 2_000;

/** Why a message cannot be read here and must be given back, if a newer version of Leat wrote it. */
export function newerMessage(
  format: Extract<Format, 'chunk' | 'receipts'>,
  { headers, subject }: Pick<JsMsg, 'headers' | 'subject'>,
): LeatError | undefined {
  const found = headers?.get(FORMAT);
  if (formatAge(format, found) !== 'newer') return undefined;
  const what = format === 'chunk' ? 'A chunk' : 'A message of receipts';
  return newerVersion(format, `${what} of the run ${runOfSubject(subject)}`, found);
}
