import type { RunReport } from '@leat/core';

/** Over how long the rate is taken. */
const RATE_WINDOW_MS = 10_000;

/** Measures a run while it goes on. */
export class Pace {
  readonly #samples: {
    readonly at: number;
    readonly records: number;
    readonly fraction: number | null;
  }[] = [];

  /** @param now milliseconds */
  add(report: RunReport, now: number): void {
    const { saved, filtered, dead } = report.records;
    this.#samples.push({ at: now, records: saved + filtered + dead, fraction: report.fraction });
    while (this.#samples.length > 2 && now - (this.#samples[0]?.at ?? now) > RATE_WINDOW_MS) {
      this.#samples.shift();
    }
  }

  /** Records a second, lately. */
  get rate(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at <= first.at) return 0;
    return ((last.records - first.records) * 1_000) / (last.at - first.at);
  }

  /** Milliseconds to go at the present pace, if the source tells how large the dataset is. */
  get remainingMs(): number | undefined {
    const first = this.#samples.find(({ fraction }) => fraction !== null);
    const last = this.#samples.at(-1);
    if (first?.fraction == null || last?.fraction == null) return undefined;
    const perMs = (last.fraction - first.fraction) / (last.at - first.at);
    return perMs > 0 ? (1 - last.fraction) / perMs : undefined;
  }
}

/** `cities  [#########-----------]  45 %  77,000 records  8,120/s  ETA 0:11  retries 0  dead 0`. */
export function progressLine(report: RunReport, pace: Pace, width: number): string {
  const { records, chunks, fraction, retries } = report;
  const done = records.saved + records.filtered + records.dead;
  const parts = [
    `${done.toLocaleString('en')} records`,
    `${chunks.saved + chunks.dead} chunks (+${chunks.inFlight} in flight)`,
    `${Math.round(pace.rate).toLocaleString('en')}/s`,
    `ETA ${clock(pace.remainingMs)}`,
    `retries ${retries}`,
    `dead ${records.dead}`,
  ];
  const bar = fraction === null ? '' : `${barOf(fraction)} ${percent(fraction)}  `;
  return `${report.pipeline}  ${bar}${parts.join('  ')}`.slice(0, width);
}

/** `0:07`, `1:02:03`, or `-` if it cannot be told. */
export function clock(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '-';
  const seconds = Math.ceil(ms / 1_000);
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${twoDigits(m)}:${twoDigits(s)}` : `${m}:${twoDigits(s)}`;
}

const BAR_CELLS = 20;

function barOf(fraction: number): string {
  const full = Math.round(fraction * BAR_CELLS);
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_CELLS - full)}]`;
}

function percent(fraction: number): string {
  return `${String(Math.floor(fraction * 100)).padStart(3)} %`;
}

function twoDigits(n: number): string {
  return String(n).padStart(2, '0');
}
