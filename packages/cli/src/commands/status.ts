import { isEnded, type RunReport } from '@leat/core';
import type { Leat, RunHandle } from '@leat/operate';
import { type Call, type Command, type CommandOptions, defineCommand } from '../command.ts';
import { EXIT, exitCodeOfState } from '../exit-code.ts';
import { JSON_OPTION, printJson } from '../json.ts';
import { print } from '../output.ts';
import { clearProgress, ProgressDisplay } from '../progress-display.ts';
import { clock } from '../progress-line.ts';
import { reportText } from '../report-text.ts';
import { listenForShutdown } from '../shutdown.ts';
import { PIPELINE_OPTION, pipelineChoice, withLeat } from '../with-leat.ts';

const OPTIONS = {
  pipeline: PIPELINE_OPTION,
  json: JSON_OPTION,
  watch: { type: 'boolean', meaning: 'Go on showing it until the run ends, or Ctrl-C.' },
} as const satisfies CommandOptions;

export const statusCommand: Command = defineCommand({
  name: 'status',
  operands: '[run]',
  operandCount: [0, 1],
  summary: 'Shows how far a run has come, or all runs.',
  options: OPTIONS,
  settings: ['nats', 'state'],
  examples: ['status', 'status <run> --watch'],
  run: status,
});

function status(call: Call<typeof OPTIONS>): Promise<number> {
  const [id] = call.operands;
  return withLeat(call, async (leat) => {
    if (id === undefined) return showAll(call, leat);
    const run = await leat.run(id, pipelineChoice(call));
    if (call.flags.watch === true) return watch(call, run);
    await show(call, await run.report());
    return EXIT.ok;
  });
}

async function show(call: Call<typeof OPTIONS>, report: RunReport): Promise<void> {
  if (call.flags.json === true) await printJson(report);
  else await print(`${reportText(report)}${paceText(report)}`);
}

/** The rate of the last seconds, and what it means for the rest; nothing if nothing moves. */
function paceText({ pace }: RunReport): string {
  if (pace === null || pace.recordsPerSecond <= 0) return '';
  const rate = Math.round(pace.recordsPerSecond).toLocaleString('en');
  return `${'rate'.padEnd(11)} ${rate} records/s\n${'ETA'.padEnd(11)} ${clock(pace.remainingMs)}\n`;
}

async function showAll(call: Call<typeof OPTIONS>, leat: Leat): Promise<number> {
  const reports = leat.runs.list(pipelineChoice(call));
  if (call.flags.json === true) {
    const all: RunReport[] = [];
    for await (const report of reports) all.push(report);
    await printJson(all);
    return EXIT.ok;
  }
  let isAny = false;
  for await (const report of reports) {
    isAny = true;
    if (!(await print(lineOf(report)))) return EXIT.ok;
  }
  if (!isAny) await print('No runs.\n');
  return EXIT.ok;
}

function lineOf({ run, pipeline, state, records, chunks, troubles }: RunReport): string {
  const trouble = troubles.map(({ stage }) => `  trouble in ${stage}`).join('');
  return `${run}  ${pipeline}  ${state}  ${chunks.saved} chunks  ${records.saved} records saved  ${records.dead} dead${trouble}\n`;
}

/** @returns what the run's end means for the shell, as `leat dev` says it */
async function watch(call: Call<typeof OPTIONS>, run: RunHandle): Promise<number> {
  const { stop } = listenForShutdown(() => undefined);
  const display = new ProgressDisplay(call.logger);
  const isJson = call.flags.json === true;
  let last: RunReport | undefined;
  for await (const report of run.reports({ signal: stop })) {
    last = report;
    if (isEnded(report.state)) break;
    if (!isJson) display.show(report);
    else if (!(await print(`${JSON.stringify(report)}\n`))) return EXIT.ok;
  }
  clearProgress();
  const final = last ?? (await run.report());
  await show(call, final);
  return isEnded(final.state) ? exitCodeOfState(final.state) : EXIT.interrupted;
}
