import { type Finding, findingOf } from './finding.ts';
import type { SeenStream } from './seen.ts';
import { isNearlyFull, usedText } from './judge-server.ts';
import type { WantedStream } from '@leat/core';

/** Fewer copies do not survive the loss of a server without losing or stopping something. */
const SAFE_REPLICAS = 3;

/** Judges what every stream of Leat needs, those of its buckets included. */
export function safetyFindings(stream: SeenStream, isProduction: boolean): Finding[] {
  const { config, copies, consumers } = stream;
  const subject = streamSubject(config.name);
  const findings: Finding[] = [];
  if (isProduction && config.storage !== 'file') {
    findings.push(findingOf('memory-storage', subject, `storage is ${config.storage}`));
  }
  for (const consumer of isProduction ? consumers : []) {
    if (consumer.config.mem_storage !== true) continue;
    const where = `consumer ${consumer.name} of ${config.name}`;
    findings.push(findingOf('memory-storage', where, 'mem_storage is true'));
  }
  if (isProduction && config.num_replicas < SAFE_REPLICAS) {
    findings.push(findingOf('few-replicas', subject, `num_replicas is ${config.num_replicas}`));
  }
  for (const { server, isCurrent, isOffline } of copies) {
    if (isCurrent && !isOffline) continue;
    const found = `the copy on ${server} is ${isOffline ? 'offline' : 'behind'}`;
    findings.push(findingOf('replica-offline', subject, found));
  }
  return findings;
}

/** Judges the stream behind a bucket, beyond what every stream needs. */
export function bucketFindings({ config, state }: SeenStream): Finding[] {
  if (!isNearlyFull(state.bytes, config.max_bytes)) return [];
  const found = usedText('max_bytes', state.bytes, config.max_bytes);
  return [findingOf('storage-nearly-full', streamSubject(config.name), found)];
}

/** Judges a stream of a queue, of receipts or of dead letters against what is wanted. */
export function wantedStreamFindings(stream: SeenStream, wanted: WantedStream): Finding[] {
  const { config } = stream;
  const { name } = config;
  const subject = streamSubject(name);
  const isQueue = wanted.retention === 'workqueue';
  const findings: Finding[] = [];
  if (config.retention !== wanted.retention) {
    const found = `retention is ${config.retention}, wanted ${wanted.retention}`;
    findings.push(findingOf('wrong-retention', subject, found));
  }
  const subjects = config.subjects ?? [];
  if (JSON.stringify(subjects) !== JSON.stringify(wanted.subjects)) {
    const found = `subjects are [${subjects.join(', ')}], wanted [${wanted.subjects.join(', ')}]`;
    findings.push(findingOf('wrong-subjects', subject, found));
  }
  if (config.discard !== wanted.discard) {
    const change = { discard: wanted.discard };
    const mend = { kind: 'update-stream', stream: name, change } as const;
    findings.push(findingOf('discard-old', subject, `discard is ${config.discard}`, mend));
  }
  if (isQueue && config.max_age > 0) {
    const found = `max_age is ${config.max_age / 1e9} s`;
    findings.push(findingOf('messages-expire', subject, found));
  }
  if (config.max_msgs_per_subject > 0) {
    const found = `max_msgs_per_subject is ${config.max_msgs_per_subject}`;
    findings.push(findingOf('messages-expire', subject, found));
  }
  if (config.max_bytes <= 0 && (!isQueue || config.max_msgs <= 0)) {
    const found = isQueue ? 'neither max_msgs nor max_bytes is set' : 'max_bytes is not set';
    findings.push(findingOf('unbounded', subject, found));
  }
  return [...findings, ...windowFindings(stream, wanted)];
}

function windowFindings({ config }: SeenStream, wanted: WantedStream): Finding[] {
  const { duplicate_window: window, max_age: maxAge } = config;
  if (window >= wanted.duplicate_window) return [];
  const found = `duplicate_window is ${window / 1e9} s`;
  const change = { duplicate_window: wanted.duplicate_window };
  const mend = { kind: 'update-stream', stream: config.name, change } as const;
  // The server admits no window that is longer than messages live.
  const isPossible = maxAge <= 0 || maxAge >= wanted.duplicate_window;
  const subject = streamSubject(config.name);
  return [findingOf('duplicate-window-short', subject, found, isPossible ? mend : undefined)];
}

export function streamSubject(name: string): string {
  return `stream ${name}`;
}
