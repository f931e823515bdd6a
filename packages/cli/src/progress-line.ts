import type { RunPace, RunReport } from '@leat/core';

/** `cities  [#########-----------]  45 %  77,000 records  8,120/s  ETA 0:11  retries 0  dead 0`. */
export function progressLine(report: RunReport, estimate: RunPace, width: number): string {
  const { records, chunks, fraction, retries } = report;
  const done = records.saved + records.filtered + records.dead;
  const parts = [
    `${done.toLocaleString('en')} records`,
    `${chunks.saved + chunks.dead} chunks (+${chunks.inFlight} in flight)`,
    `${Math.round(estimate.recordsPerSecond).toLocaleString('en')}/s`,
    `ETA ${clock(estimate.remainingMs)}`,
    `retries ${retries}`,
    `dead ${records.dead}`,
  ];
  const bar = fraction === null ? '' : `${barOf(fraction)} ${percent(fraction)}  `;
  return `${report.pipeline}  ${bar}${parts.join('  ')}`.slice(0, width);
}

/** `0:07`, `1:02:03`, or `-` if it cannot be told. */
export function clock(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return '-';
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
