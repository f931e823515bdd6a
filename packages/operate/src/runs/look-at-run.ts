import {
  isEnded,
  LEASE_MS,
  reportOf,
  type RunReport,
  type RunRequest,
  type Trouble,
} from '@leat/core';
import type { ProgressEntry, Runs } from '@leat/runtime';

/** Its fetcher writes three times in a lease; so long without a word, nobody works on a run. */
const SILENT_MS = LEASE_MS * 1.5;

/** What a look at one run takes from others. */
export interface Surroundings {
  /** What the run's stages have noted. */
  readonly troubles: readonly Trouble[];
  /** What of the server keeps the pipeline's runs from going on. */
  readonly hindrances: (request: RunRequest) => Promise<readonly Trouble[]>;
}

/** The report of a run, as one sees it who is not its fetcher: also whether anyone works on it. */
export async function lookAtRun(
  runs: Runs,
  request: RunRequest,
  { troubles, hindrances }: Surroundings,
): Promise<RunReport> {
  const entry = await runs.progress(request.run);
  const report = reportOf(request, entry?.progress, troubles);
  if (isEnded(report.state)) return report;
  const all = [...troubles, ...unlessPaused(report, await hindrances(request))];
  if (await isWorkedOn(runs, entry)) return { ...report, troubles: all };
  const absence = await absenceOf(runs, request, entry);
  return {
    ...report,
    state: report.state === 'paused' ? 'paused' : 'pending',
    pace: null,
    troubles: absence === undefined ? all : [...all, absence],
  };
}

async function isWorkedOn(runs: Runs, entry: ProgressEntry | undefined): Promise<boolean> {
  return entry !== undefined && (await runs.silenceOf(entry)) < SILENT_MS;
}

/** Of a run that is paused nobody need take anything. */
function unlessPaused({ state }: RunReport, found: readonly Trouble[]): readonly Trouble[] {
  return state === 'paused'
    ? found.filter(({ reason }) => !/no replica pulls/.test(reason))
    : found;
}

/** That no fetcher works on a run, unless fetchers work on another one of the pipeline first. */
async function absenceOf(
  runs: Runs,
  { run, spec, createdAt }: RunRequest,
  entry: ProgressEntry | undefined,
): Promise<Trouble | undefined> {
  const silentMs = Date.now() - Date.parse(entry?.progress.updatedAt ?? createdAt);
  if (silentMs < SILENT_MS) return undefined;
  for (const other of await runs.listOpen()) {
    if (other.run !== run && (await isWorkedOn(runs, await runs.progress(other.run)))) {
      return undefined;
    }
  }
  const fetcher = spec.stages.find(({ kind }) => kind === 'fetcher')?.name ?? '';
  const seconds = Math.round(silentMs / 1_000);
  const reason = `No fetcher has written of the run for ${seconds} s: none works on it, a function blocks its process, or the server does not store what it writes. See its log, or start one by "leat fetcher".`;
  return { stage: fetcher, reason, at: new Date().toISOString() };
}
