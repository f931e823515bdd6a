import type { RunPace, RunReport } from './run.ts';

/** Over how long a pace is taken. */
const WINDOW_MS = 10_000; // 10 s

/** How far a run was at a time. */
interface Sample {
  /** Milliseconds. */
  readonly at: number;
  readonly records: number;
  readonly fraction: number | null;
}

/** The pace of the last ten seconds, for a program that watches a run. */
export class Pace {
  readonly #samples: Sample[] = [];

  /** @param now milliseconds, by any clock that only goes on */
  add(report: Pick<RunReport, 'records' | 'fraction'>, now: number): void {
    this.#samples.push(sampleOf(report, now));
    const firstFresh = this.#samples.findIndex(({ at }) => now - at <= WINDOW_MS);
    // Two are needed, however old.
    this.#samples.splice(0, Math.min(firstFresh, this.#samples.length - 2));
  }

  get estimate(): RunPace {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    const known = this.#samples.find(({ fraction }) => fraction !== null);
    return between(first, known, last);
  }
}

function sampleOf(
  { records, fraction }: Pick<RunReport, 'records' | 'fraction'>,
  at: number,
): Sample {
  return { at, records: records.saved + records.filtered + records.dead, fraction };
}

/** @param known the first sample whose share of the dataset is known */
function between(
  first: Sample | undefined,
  known: Sample | undefined,
  last: Sample | undefined,
): RunPace {
  if (first === undefined || last === undefined || last.at <= first.at) {
    return { recordsPerSecond: 0, remainingMs: null };
  }
  const recordsPerSecond = ((last.records - first.records) * 1_000) / (last.at - first.at);
  return { recordsPerSecond, remainingMs: remainingMs(known, last) };
}

function remainingMs(known: Sample | undefined, last: Sample): number | null {
  if (known === undefined || known.fraction === null || last.fraction === null) return null;
  const perMs = (last.fraction - known.fraction) / (last.at - known.at);
  return perMs > 0 ? (1 - last.fraction) / perMs : null;
}
