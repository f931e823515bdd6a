import { streamDrifts, type StreamObject } from '@leat/core';
import { driftFindings, type Finding, findingOf } from './finding.ts';
import { isNearlyFull, usedText } from './judge-server.ts';
import type { SeenStream } from './seen.ts';

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

/** Judges a stream against what is wanted. */
export function wantedStreamFindings({ config }: SeenStream, object: StreamObject): Finding[] {
  const { kind, stream } = object;
  const subject = streamSubject(config.name);
  const drifts = streamDrifts(kind, stream, config);
  const findings = driftFindings(drifts, subject, { kind: 'repair-stream', object });
  const isQueue = stream.retention === 'workqueue';
  const isBounded = config.max_bytes > 0 || (isQueue && config.max_msgs > 0);
  if (!isBounded && stream.max_bytes > 0) {
    const found = isQueue ? 'neither max_msgs nor max_bytes is set' : 'max_bytes is not set';
    findings.push(findingOf('unbounded', subject, found));
  }
  return findings;
}

export function streamSubject(name: string): string {
  return `stream ${name}`;
}
