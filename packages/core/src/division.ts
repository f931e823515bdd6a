import { LeatError } from './errors.ts';
import type { Origins } from './origins.ts';

/**
 * How a stage divided a chunk, as siblings say it: 8 hexadecimal digits over which record went into which piece. Two
 * executions that divided a chunk in two ways have two tokens, also where the sums of their books agree.
 *
 * @param pieces of each piece, the offsets of its records
 */
export function divisionToken(pieces: readonly Origins[]): string {
  let hash = FNV_OFFSET;
  for (const numbers of pieces) hash = addAll(hash, numbers);
  return tokenOf(hash);
}

/**
 * What the stages on a chunk's way say of it: for each step of its path below its root or redriven record, the token of
 * that division or nothing, separated by dots. Behind them stands a token of the records that were given up since: the
 * next division goes by what was left. What is empty at the end is absent.
 *
 * Whoever gives records up adds them here, also where a chunk is not divided.
 *
 * @param path of the chunk, below its root or redriven record
 * @param dead the places in the chunk of the records that were given up
 */
export function withDeaths(path: string, said: string, dead: readonly number[]): string {
  if (dead.length === 0) return said;
  const { before, last } = partsOf(path, said);
  return [...before, tokenOf(addAll(hashOf(last), dead))].join('.');
}

/**
 * Adds the token of a division to what was said before.
 *
 * @param path of the chunk that was divided, below its root or redriven record
 */
export function withToken(path: string, said: string, token: string): string {
  const { before, last } = partsOf(path, said);
  const whole = last === '' ? token : tokenOf(addAll(hashOf(last), [hashOf(token)]));
  return [...before, whole].join('.');
}

/** What is said of the steps of a path, and of the records that were given up since. */
function partsOf(path: string, said: string): { readonly before: string[]; readonly last: string } {
  const steps = path.split('.').length - 1;
  const tokens = said.split('.');
  const before = Array.from({ length: steps }, (_, step) => tokens[step] ?? '');
  return { before, last: tokens[steps] ?? '' };
}

/** FNV-1a over 32 bits (Fowler, Noll and Vo), half a number at a time. */
const FNV_OFFSET = 0x81_1c_9d_c5;
const FNV_PRIME = 0x01_00_01_93;

function addAll(before: number, numbers: readonly number[]): number {
  let hash = add(before, numbers.length);
  for (const number of numbers) hash = add(hash, number);
  return hash;
}

function add(hash: number, value: number): number {
  const low = Math.imul(hash ^ (value & 0xff_ff), FNV_PRIME);
  return Math.imul(low ^ (value >>> 16), FNV_PRIME);
}

function hashOf(token: string): number {
  return token === '' ? FNV_OFFSET : Number.parseInt(token, 16);
}

function tokenOf(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** Whether a text can be what stages say of how they divided a chunk. */
export function isDivisions(text: string): boolean {
  return /^(?:[0-9a-f]{8})?(?:\.(?:[0-9a-f]{8})?){0,40}$/.test(text);
}

/** The divisions of one root or redriven record, as far as leaves have told of them: by the path of what was divided. */
export type KnownDivisions = Map<string, string>;

/** Whether a leaf comes of another division of its root than those of which leaves have told. */
export function contradicts(known: ReadonlyMap<string, string>, path: string, said = ''): boolean {
  return divisionsOf(path, said).some(([divided, token]) => {
    const other = known.get(divided);
    return other !== undefined && other !== token;
  });
}

/**
 * Takes note of what a leaf tells, and forgets divisions of which every piece is settled.
 *
 * @param settled the settled paths of its root, the leaf's own among them, see `SettledPaths`
 */
export function learn(
  known: KnownDivisions,
  path: string,
  said: string | undefined,
  settled: ReadonlySet<string>,
): void {
  if (said !== undefined) {
    for (const [divided, token] of divisionsOf(path, said)) known.set(divided, token);
  }
  for (const divided of known.keys()) if (isWithin(divided, settled)) known.delete(divided);
}

/** What is known of divisions, if anything is, as a checkpoint has it. */
export function divisionsCheckpoint(known: KnownDivisions): {
  readonly divisions?: Readonly<Record<string, string>>;
} {
  return known.size === 0 ? {} : { divisions: Object.fromEntries(known) };
}

/** What to say of a root or redriven record of which pieces of two divisions are saved. */
export function dividedTwice(what: string): LeatError {
  return new LeatError(
    'run-failed',
    `${what} was divided in two different ways: some of its records may have been saved twice, or not at all. A stage gave up or made other records when it worked on the chunk again; start a new run.`,
  );
}

/** What was divided on the way to a leaf, and how. */
function divisionsOf(path: string, said: string): [divided: string, token: string][] {
  if (said === '') return [];
  const steps = path.split('.').slice(1);
  return said.split('.').flatMap((token, nth): [string, string][] => {
    if (token === '' || nth >= steps.length) return [];
    return [
      [
        steps
          .slice(0, nth)
          .map((step) => `.${step}`)
          .join(''),
        token,
      ],
    ];
  });
}

/** Whether a path is settled, or lies below one that is. */
function isWithin(path: string, settled: ReadonlySet<string>): boolean {
  for (let node = path; ; node = node.slice(0, node.lastIndexOf('.'))) {
    if (settled.has(node)) return true;
    if (node === '') return false;
  }
}
