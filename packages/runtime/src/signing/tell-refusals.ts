import { messageOf, type PipelineSpec } from '@leat/core';
import type { Logger } from '@leat/sdk';
import type { RunNotes } from '../runs/run-notes.ts';
import type { OnRefused } from './signing.ts';

/** How often it is noted of one run; `leat status` shows a note for a minute. */
const TELL_MS = 10_000;
/** Most runs that it is noted of meanwhile: anyone can make up runs, and each note is a write. */
const MOST_RUNS = 100;

/** Notes beside each run why messages of it are refused; the log has it already. */
export function tellRefusals(spec: PipelineSpec, notes: RunNotes, logger: Logger): OnRefused {
  const told = new Map<string, number>();
  return (subject, reason) => {
    const { run, stage } = placeOf(subject, spec);
    const now = performance.now();
    for (const [key, at] of told) {
      if (now - at < TELL_MS) break;
      told.delete(key);
    }
    const key = `${run} ${stage}`;
    if (told.has(key) || told.size >= MOST_RUNS) return;
    told.set(key, now);
    const at = new Date().toISOString();
    notes.tellTrouble(run, { stage, reason, at }).catch((error: unknown) => {
      logger.debug({ run }, `trouble not told: ${messageOf(error)}`);
    });
  };
}

/** Whose message it is, and who reads it: the fetcher, if no other stage does. */
function placeOf(
  subject: string,
  { stages }: PipelineSpec,
): { readonly run: string; readonly stage: string } {
  const fetcher = stages.find(({ kind }) => kind === 'fetcher')?.name ?? '';
  const tokens = subject.split('.');
  // `$KV.<bucket>.<what>.<run>`
  if (tokens[0] === '$KV') return { run: tokens[3] ?? '', stage: fetcher };
  // `leat.v1.<pipeline>.<stage>.<run>`
  const [, , , named, run = ''] = tokens;
  return { run, stage: stages.find(({ name }) => name === named)?.name ?? fetcher };
}
