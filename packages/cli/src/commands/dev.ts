import { open, writeFile } from 'node:fs/promises';
import { errorText, LeatError, messageOf, type RunReport } from '@leat/core';
import { type LocalEnd, type LocalRun, startLocalRun } from '@leat/host';
import { fromStart } from '@leat/sdk';
import { type Call, type Command, type CommandOptions, defineCommand } from '../command.ts';
import { devAgain } from '../dev-again.ts';
import { EXIT, exitCodeOfError, exitCodeOfState } from '../exit-code.ts';
import {
  countOf,
  PARAM_OPTIONS,
  paramsOf,
  RECOVER,
  RUN_OPTION,
  runFlag,
  secretsOf,
} from '../flags.ts';
import { noteFile } from '../noted-file.ts';
import { print } from '../output.ts';
import { clearProgress, ProgressDisplay } from '../progress-display.ts';
import { reportText } from '../report-text.ts';
import { serviceOptions } from '../service-options.ts';
import { listenForGuardedShutdown, type Shutdown } from '../shutdown.ts';

const OPTIONS = {
  mappers: { type: 'string', value: 'N', meaning: 'Replicas of each mapper (default 1).' },
  run: RUN_OPTION,
  recover: RECOVER,
  new: {
    type: 'boolean',
    meaning: 'Begin a new run, also if one was interrupted with the same parameters.',
  },
  ...PARAM_OPTIONS,
  report: { type: 'string', value: 'FILE', meaning: 'Where to write the report, as JSON.' },
  keep: { type: 'boolean', meaning: 'Keep the NATS server up after the run, until Ctrl-C.' },
} as const satisfies CommandOptions;

type DevCall = Call<typeof OPTIONS>;

export const devCommand: Command = defineCommand({
  name: 'dev',
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Runs a pipeline in one process, over a NATS server of its own or that of --nats.',
  options: OPTIONS,
  settings: ['nats', 'queues', 'state', 'work'],
  examples: ['dev pipeline.ts', 'dev pipeline.ts --mappers 4 --param file=orders.csv'],
  run: dev,
});

async function dev(call: DevCall): Promise<number> {
  const [file = ''] = call.operands;
  const { nats, isNatsGiven, stateDir } = call.settings;
  const run = runFlag(call);
  const display = new ProgressDisplay(call.logger);
  const options = {
    ...serviceOptions(call),
    mappers: countOf('mappers', call.flags.mappers, 1),
    params: paramsOf(call),
    secrets: secretsOf(call),
    recover: call.flags.recover === true,
    new: call.flags.new === true,
    stateDir,
    ...(isNatsGiven && { connection: { ...nats, servers: nats.url } }),
    ...(run !== undefined && { run }),
    onProgress: (report: RunReport) => display.show(report),
  };
  await demandWritable(call);
  const { stopGraceMs } = call.settings;
  const shutdown = listenForGuardedShutdown((line) => call.logger.warn(line), stopGraceMs);
  let local: LocalRun;
  try {
    local = await startLocalRun(file, {
      ...options,
      signal: shutdown.stop,
      abort: shutdown.abort,
    });
  } catch (error) {
    if (shutdown.stop.aborted) return EXIT.interrupted;
    throw error;
  }
  try {
    if (!isNatsGiven) await noteFile(call, local.pipeline.name, file);
    const ended = await local.ended.finally(clearProgress);
    return await conclude(call, shutdown, local, ended);
  } finally {
    await local[Symbol.asyncDispose]();
  }
}

async function conclude(
  call: DevCall,
  shutdown: Shutdown,
  { run, url }: LocalRun,
  { report, error }: LocalEnd,
): Promise<number> {
  const { isNatsGiven } = call.settings;
  const again = againOf(call, run);
  if (report === undefined) {
    process.stderr.write(`Interrupted. "${again}" goes on with the run ${run}.\n`);
    return EXIT.interrupted;
  }
  const reportFile = call.flags.report;
  if (reportFile !== undefined) await writeReport(reportFile, report, call);
  await print(reportText(report));
  if (report.state === 'paused') {
    process.stderr.write(`Paused. "${again}" goes on with the run ${run}.\n`);
  }
  if (error !== undefined) {
    const other =
      call.flags.param === undefined ? '' : ' Other parameters need a run of their own: --new.';
    const remedy = `Mend it, and "${againOf(call, run, false)}" goes on where it stopped.${other}\n`;
    process.stderr.write(
      `leat: ${errorText(error)}\n${SAYS_WHAT_TO_DO.has(error.code) ? '' : remedy}`,
    );
  }
  if (call.flags.keep === true && !isNatsGiven && !shutdown.stop.aborted) {
    process.stderr.write(`NATS stays up at ${url}, until Ctrl-C.\n`);
    await new Promise<void>((resolve_) => {
      shutdown.stop.addEventListener('abort', () => resolve_(), { once: true });
    });
  }
  return error === undefined ? exitCodeOfState(report.state) : exitCodeOfError(error);
}

/** Of errors of these codes the sentence says what to do. */
const SAYS_WHAT_TO_DO: ReadonlySet<string> = new Set(['sink-taken', 'source-changed']);

/** The command that goes on with the run. */
function againOf({ operands, flags, settings }: DevCall, run: string, mayBePlain = true): string {
  const [file = ''] = operands;
  const given: Readonly<Record<string, unknown>> = flags;
  const stateDir = given['state-dir'];
  const words = ['param', 'secret', 'run', 'new'];
  // On a server that others use, a run is not found again by its parameters.
  const isPlain = mayBePlain && !settings.isNatsGiven && words.every((word) => !(word in given));
  return devAgain({
    file,
    run,
    isPlain,
    stateDir: typeof stateDir === 'string' ? stateDir : undefined,
  });
}

/**
 * The one who asks for a report wants to know before the run, and not after it, that there can be none.
 *
 * @throws LeatError `invalid-configuration`
 */
async function demandWritable(call: DevCall): Promise<void> {
  const file = call.flags.report;
  if (file === undefined) return;
  try {
    await (await open(fromStart(file), 'a')).close();
  } catch (error) {
    throw new LeatError(
      'invalid-configuration',
      `--report: the report cannot be written to ${file} (${messageOf(error)}): name a file in a directory that you may write to.`,
      { cause: error },
    );
  }
}

async function writeReport(file: string, report: RunReport, call: DevCall): Promise<void> {
  try {
    await writeFile(fromStart(file), `${JSON.stringify(report, undefined, 2)}\n`);
  } catch (error) {
    call.logger.error(`the report cannot be written to ${file}: ${messageOf(error)}`);
  }
}
