import { isEnded, type RunReport } from './run.ts';

/** Over how long a pace is taken. */
const WINDOW_MS = 10_000; // 10 s

/** How fast a run goes, and how long it will still take at that pace. */
export interface Estimate {
  /** Records a second that were saved, filtered or given up. */
  readonly recordsPerSecond: number;
  /** Milliseconds to go; `undefined` if the source does not tell how large the dataset is, or nothing moves. */
  readonly remainingMs: number | undefined;
}

/** How far a run was at a time. */
interface Sample {
  /** Milliseconds. */
  readonly at: number;
  readonly records: number;
  readonly fraction: number | null;
}

const BEGIN: Sample = { at: 0, records: 0, fraction: 0 };

/**
 * The estimate by the mean pace since the run began.
 *
 * @param elapsedMs milliseconds since the report's `startedAt`
 * @returns `undefined` for a run that has not begun, or has ended
 */
export function estimateOf(report: RunReport, elapsedMs: number): Estimate | undefined {
  if (report.startedAt === null || isEnded(report.state)) return undefined;
  return between(BEGIN, BEGIN, sampleOf(report, elapsedMs));
}

/** The estimate by the pace of the last ten seconds, for a program that watches a run. */
export class Pace {
  readonly #samples: Sample[] = [];

  /** @param now milliseconds, by any clock that only goes on */
  add(report: RunReport, now: number): void {
    this.#samples.push(sampleOf(report, now));
    const firstFresh = this.#samples.findIndex(({ at }) => now - at <= WINDOW_MS);
    // Two are needed, however old.
    this.#samples.splice(0, Math.min(firstFresh, this.#samples.length - 2));
  }

  get estimate(): Estimate {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    const known = this.#samples.find(({ fraction }) => fraction !== null);
    return between(first, known, last);
  }
}

function sampleOf({ records, fraction }: RunReport, at: number): Sample {
  return { at, records: records.saved + records.filtered + records.dead, fraction };
}

/** @param known the first sample whose share of the dataset is known */
function between(
  first: Sample | undefined,
  known: Sample | undefined,
  last: Sample | undefined,
): Estimate {
  if (first === undefined || last === undefined || last.at <= first.at) {
    return { recordsPerSecond: 0, remainingMs: undefined };
  }
  const recordsPerSecond = ((last.records - first.records) * 1_000) / (last.at - first.at);
  return { recordsPerSecond, remainingMs: remainingMs(known, last) };
}

function remainingMs(known: Sample | undefined, last: Sample): number | undefined {
  if (known === undefined || known.fraction === null || last.fraction === null) return undefined;
  const perMs = (last.fraction - known.fraction) / (last.at - known.at);
  return perMs > 0 ? (1 - last.fraction) / perMs : undefined;
}
