import { consumerSubject } from './judge-consumers.ts';
import { type Finding, findingOf } from './finding.ts';
import type { SeenRun, SeenStream } from './seen.ts';
import { isNearlyFull, usedText } from './judge-server.ts';
import { streamSubject } from './judge-streams.ts';
import { runOfSubject } from '@leat/core';
import { isResumable } from '@leat/core';

/** A queue that is nearly full is in order; only one that is at its limit is worth a note. */
const QUEUE_NEARLY_FULL = 0.9;
const QUIET_MS = 5 * 60_000;
/** What a run leaves behind is removed when it has ended, and may be on its way. */
const REMOVAL_MS = 10_000;

/** Judges whether messages of a queue, or of the receipts, move. */
export function flowFindings(stream: SeenStream, runs: readonly SeenRun[] | undefined): Finding[] {
  const findings: Finding[] = [];
  for (const { name, pending, ackPending, waiting, isAlive, quietMs } of stream.consumers) {
    if (waiting > 0 || isAlive === true) continue;
    const subject = consumerSubject(stream, name);
    if (ackPending === 0) {
      if (pending === 0) continue;
      const found = `${pending} messages wait and no replica pulls (num_waiting is 0)`;
      findings.push(findingOf('queue-stands-still', subject, found));
    } else if (isAlive === false) {
      const found = `${ackPending} messages are held without a sign of life, ${pending} wait, and no replica pulls`;
      findings.push(findingOf('queue-stands-still', subject, found));
    } else if (quietMs > QUIET_MS) {
      const minutes = Math.floor(quietMs / 60_000);
      const found = `${ackPending} messages are held, ${pending} wait, and none has moved for ${minutes} minutes`;
      findings.push(findingOf('queue-quiet', subject, found));
    }
  }
  return [
    ...findings,
    ...fullFindings(stream, 'queue-nearly-full', QUEUE_NEARLY_FULL),
    ...leftovers(stream, runs),
  ];
}

/** Judges whether dead letters find room. */
export function deadLetterFindings(stream: SeenStream): Finding[] {
  return fullFindings(stream, 'dead-letters-nearly-full');
}

function fullFindings(
  { config, state }: SeenStream,
  code: 'queue-nearly-full' | 'dead-letters-nearly-full',
  share?: number,
): Finding[] {
  const pairs = [
    ['max_msgs', state.messages, config.max_msgs],
    ['max_bytes', state.bytes, config.max_bytes],
  ] as const;
  return pairs.flatMap(([field, used, limit]) =>
    isNearlyFull(used, limit, share)
      ? [findingOf(code, streamSubject(config.name), usedText(field, used, limit))]
      : [],
  );
}

function leftovers({ config, state }: SeenStream, runs: readonly SeenRun[] | undefined): Finding[] {
  if (runs === undefined) return [];
  return Object.entries(state.subjects).flatMap(([subject, count]) => {
    const run = runs.find((each) => each.run === runOfSubject(subject));
    if (run !== undefined && (isResumable(run.state) || isFresh(run))) return [];
    const of = run === undefined ? 'that is not known' : `that is ${run.state}`;
    const found = `${count} messages on ${subject}, of a run ${of}`;
    return [findingOf('leftovers', streamSubject(config.name), found)];
  });
}

function isFresh({ endedAgoMs = Number.POSITIVE_INFINITY }: SeenRun): boolean {
  return endedAgoMs < REMOVAL_MS;
}
