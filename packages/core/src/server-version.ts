/**
 * The oldest server that Leat works with; connecting to an older one is refused. 2.9.10 was seen to
 * acknowledge messages and lose them (nats-server #4771), and to redeliver after a kill what had been
 * acknowledged.
 */
export const OLDEST_SERVER = '2.10.27';

/** Servers on which queues with copies lose messages: nats-server #7817, mended by #7845. */
const LOSES_REPLICATED_QUEUES: ReadonlySet<string> = new Set(['2.12.3', '2.12.4']);

type Version = readonly [major: number, minor: number, patch: number];

/** Compares versions such as `2.12.4` and `2.14.0-RC.1` by their three numbers. */
function compareServerVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

/** Why Leat refuses a version, or `undefined` for one that it works with. */
export function whyTooOld(version: string): string | undefined {
  if (compareServerVersions(version, OLDEST_SERVER) >= 0) return undefined;
  const isCrashLoss =
    compareServerVersions(version, '2.10.20') >= 0 &&
    compareServerVersions(version, '2.10.22') <= 0;
  return isCrashLoss
    ? `version ${version} loses acknowledged messages when it crashes (mended in 2.10.23)`
    : `version ${version} is older than ${OLDEST_SERVER}`;
}

/** Whether queues that are kept in several copies lose messages on this version. */
export function losesReplicatedQueues(version: string): boolean {
  return LOSES_REPLICATED_QUEUES.has(parse(version).join('.'));
}

function parse(version: string): Version {
  const parts = version.split(/[.+-]/);
  const numberAt = (place: number): number => Number.parseInt(parts[place] ?? '', 10) || 0;
  return [numberAt(0), numberAt(1), numberAt(2)];
}
