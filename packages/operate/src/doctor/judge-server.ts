import { clockSkew } from './clock-skew.ts';
import { type Finding, findingOf } from './finding.ts';
import type { Examination, SeenUsage } from './seen.ts';
import { losesReplicatedQueues, whyTooOld } from '@leat/core';

/** Data may stay in memory for this long before it is written to disk for good. */
const MAX_SYNC_INTERVAL_MS = 10_000;
const MAX_SKEW_MS = 2_000;
/** The share of a limit from which on it is nearly reached. */
const NEARLY_FULL = 0.8;
/** From here on some message finds no room any more. */
const FULL = 0.95;
/** What servers take that were told nothing. */
const DEFAULT_MAX_PAYLOAD = 1024 * 1024; // 1 MiB

/** Judges the servers, their clocks and the account. */
export function serverFindings(seen: Examination, isProductionWanted: boolean): Finding[] {
  return [
    ...versionFindings(seen),
    ...(isProductionWanted && !seen.server.isClustered
      ? [findingOf('single-server', serverSubject(seen.server.name), 'it is not clustered')]
      : []),
    ...syncFindings(seen),
    ...clockFindings(seen),
    ...payloadFindings(seen),
    ...seen.usages.flatMap(usageFindings),
    ...monitoredStorageFindings(seen),
  ];
}

/** Whether `used` is so much of a limit that it is told; a limit of 0 or less is none. */
export function isNearlyFull(used: number, limit: number, share: number = NEARLY_FULL): boolean {
  return limit > 0 && used > limit * share;
}

function versionFindings({ server, monitors, streams }: Examination): Finding[] {
  const all = [server, ...monitors.flatMap((monitor) => monitor.server ?? [])];
  const versions = new Map(all.map(({ name, version }) => [name, version]));
  const replicated = streams.find(
    ({ config }) => config.retention === 'workqueue' && config.num_replicas > 1,
  );
  return [...versions].flatMap(([name, version]) => {
    const reason = whyTooOld(version);
    if (reason !== undefined) return [findingOf('server-too-old', serverSubject(name), reason)];
    if (replicated === undefined || !losesReplicatedQueues(version)) return [];
    const found = `version ${version}, and ${replicated.config.name} has ${replicated.config.num_replicas} copies`;
    return [findingOf('server-loses-messages', serverSubject(name), found)];
  });
}

function syncFindings({ server, monitors }: Examination): Finding[] {
  if (monitors.length === 0) {
    const found = 'sync_interval cannot be seen without --monitor';
    return [findingOf('sync-interval-unseen', serverSubject(server.name), found)];
  }
  return monitors.flatMap(({ url, failure, server: monitored }) => {
    if (monitored === undefined) {
      return [findingOf('monitor-unreachable', `monitor ${url}`, failure ?? 'no answer')];
    }
    const interval = monitored.syncIntervalMs ?? 0;
    if (interval <= MAX_SYNC_INTERVAL_MS) return [];
    const found = `sync_interval is ${interval / 1_000} s`;
    return [findingOf('sync-interval-long', serverSubject(monitored.name), found)];
  });
}

function clockFindings({ server, clocks }: Examination): Finding[] {
  const skew = clockSkew(clocks) ?? 0;
  if (Math.abs(skew) <= MAX_SKEW_MS) return [];
  const seconds = (Math.abs(skew) / 1_000).toFixed(1);
  const found = `its clock is ${seconds} s ${skew > 0 ? 'ahead of' : 'behind'} this machine's`;
  return [findingOf('clock-skew', serverSubject(server.name), found)];
}

function payloadFindings({ server: { name, maxPayload } }: Examination): Finding[] {
  if (maxPayload >= DEFAULT_MAX_PAYLOAD) return [];
  return [findingOf('payload-small', serverSubject(name), `max_payload is ${maxPayload} bytes`)];
}

function usageFindings({ limits, ...used }: SeenUsage): Finding[] {
  const fields = ['storage', 'memory', 'streams', 'consumers'] as const;
  return fields.flatMap((field) => {
    const limit = limits[`max_${field}`];
    if (!isNearlyFull(used[field], limit)) return [];
    // As many streams and consumers as there may be are enough for those that are there.
    const isFull = isNearlyFull(used[field], limit, FULL) && /storage|memory/.test(field);
    const code = isFull ? 'storage-full' : 'storage-nearly-full';
    return [findingOf(code, 'account', usedText(field, used[field], limit))];
  });
}

function monitoredStorageFindings({ monitors }: Examination): Finding[] {
  return monitors.flatMap(({ server }) => {
    const { used, limit } = server?.storage ?? { used: 0, limit: 0 };
    if (server === undefined || !isNearlyFull(used, limit)) return [];
    const found = usedText('storage', used, limit);
    return [findingOf('storage-nearly-full', serverSubject(server.name), found)];
  });
}

/** `storage is 83 % used (83 of 100)`. */
export function usedText(field: string, used: number, limit: number): string {
  return `${field} is ${Math.floor((used / limit) * 100)} % used (${used} of ${limit})`;
}

function serverSubject(name: string): string {
  return `server ${name}`;
}
