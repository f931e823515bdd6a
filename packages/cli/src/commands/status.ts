import { isEnded, reportOf, type RunReport } from '@leat/core';
import { wait } from '@leat/runtime';
import type { Call, Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { findRun, type FoundRun, listRuns, PIPELINE_OPTION, withRuns } from '../find-run.ts';
import { print } from '../output.ts';
import { clearProgress, ProgressDisplay } from '../progress-display.ts';
import { clock } from '../progress-line.ts';
import { reportText } from '../report-text.ts';
import { listenForShutdown } from '../shutdown.ts';

export const statusCommand: Command = {
  name: 'status',
  operands: '[run]',
  operandCount: [0, 1],
  summary: 'Shows how far a run has come, or all runs.',
  options: {
    pipeline: PIPELINE_OPTION,
    json: { type: 'boolean', meaning: 'Print JSON.' },
    watch: { type: 'boolean', meaning: 'Go on showing it until the run ends, or Ctrl-C.' },
  },
  run: status,
};

const WATCH_MS = 500;

function status(call: Call): Promise<number> {
  const [run] = call.operands;
  return withRuns(call, async (place) => {
    if (run === undefined) return showAll(call, await listRuns(place));
    const found = await findRun(place, run);
    return call.flags['watch'] === true ? watch(call, found) : showOne(call, found);
  });
}

async function reportOfRun({ request, runs }: FoundRun): Promise<RunReport> {
  const { run } = request;
  const [entry, troubles] = [await runs.progress(run), await runs.notes.troubles(run)];
  return reportOf(request, entry?.progress, troubles);
}

async function showOne(call: Call, found: FoundRun): Promise<number> {
  const report = await reportOfRun(found);
  const isJson = call.flags['json'] === true;
  await print(isJson ? jsonOf(report) : `${reportText(report)}${estimateText(report)}`);
  return EXIT.ok;
}

/** The mean rate since the start, and what it means for the rest. */
function estimateText(report: RunReport): string {
  if (isEnded(report.state) || report.startedAt === null) return '';
  const { saved, filtered, dead } = report.records;
  const elapsedMs = Date.now() - Date.parse(report.startedAt);
  const rate = Math.round(((saved + filtered + dead) * 1_000) / Math.max(elapsedMs, 1));
  const { fraction } = report;
  const restMs = fraction ? (elapsedMs * (1 - fraction)) / fraction : undefined;
  return `${'rate'.padEnd(11)} ${rate.toLocaleString('en')} records/s\n${'ETA'.padEnd(11)} ${clock(restMs)}\n`;
}

async function showAll(call: Call, all: readonly FoundRun[]): Promise<number> {
  const reports = await Promise.all(all.map(reportOfRun));
  const lines = reports.map(
    ({ run, pipeline, state, records, chunks, troubles }) =>
      `${run}  ${pipeline}  ${state}  ${chunks.saved} chunks  ${records.saved} records saved  ${records.dead} dead${troubles.map(({ stage }) => `  trouble in ${stage}`).join('')}\n`,
  );
  if (call.flags['json'] === true) await print(jsonOf(reports));
  else await print(lines.join('') || 'No runs.\n');
  return EXIT.ok;
}

async function watch(call: Call, found: FoundRun): Promise<number> {
  const { stop } = listenForShutdown(() => undefined);
  const display = new ProgressDisplay(call.logger);
  const isJson = call.flags['json'] === true;
  for (;;) {
    const report = await reportOfRun(found);
    if (isEnded(report.state) || stop.aborted) {
      clearProgress();
      return showOne(call, found);
    }
    if (!isJson) display.show(report);
    else if (!(await print(`${JSON.stringify(report)}\n`))) return EXIT.ok;
    await wait(WATCH_MS, stop).catch(() => undefined);
  }
}

function jsonOf(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
