/**
 * The oldest nats-server that Leat runs on. Debian 12's 2.9.10 acknowledges messages and loses them
 * (`discard: new` with `max_bytes`), and redelivers everything acknowledged after a kill.
 */
export const MINIMUM_VERSION = '2.10.27';

/** The official release that is fetched or built where no other server is named: the newest stable one. */
export const PINNED_VERSION = '2.15.2';

const VERSION = /^v?(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?$/;

/** The version without its `v`, or undefined if this is not one. Guards every path and address made of it. */
export function normalizeVersion(text: string): string | undefined {
  return VERSION.test(text) ? text.replace(/^v/, '') : undefined;
}

/** Finds the version in what `nats-server --version` prints. */
export function versionInOutput(output: string): string | undefined {
  return /nats-server: v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)/.exec(output)?.[1];
}

/** Orders versions as numbers, a pre-release before its release: negative if `a` is older than `b`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [VERSION.exec(a), VERSION.exec(b)];
  if (left === null || right === null) throw new RangeError(`not versions: "${a}", "${b}"`);
  for (const part of [1, 2, 3]) {
    const difference = Number(left[part]) - Number(right[part]);
    if (difference !== 0) return difference;
  }
  const [early, late] = [left[4] ?? '', right[4] ?? ''];
  if (early === late) return 0;
  if (early === '' || late === '') return early === '' ? 1 : -1;
  return early.localeCompare(late, 'en', { numeric: true });
}

/** Whether Leat can work with this version. */
export function isNewEnough(version: string): boolean {
  return compareVersions(version, MINIMUM_VERSION) >= 0;
}

/** Why a server that is too old is not used. */
export function refusal(path: string, version: string): string {
  return (
    `${path} is nats-server ${version}, and Leat needs ${MINIMUM_VERSION} or newer: ` +
    'older ones, such as 2.9.10 of Debian 12, acknowledge messages and lose them'
  );
}
