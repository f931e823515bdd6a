import type { RunReport } from '@leat/core';
import type { RunHandle } from '@leat/operate';
import { type Call, type Command, defineCommand } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { JSON_OPTION, printJson } from '../json.ts';
import { print } from '../output.ts';
import { PIPELINE_OPTION, pipelineChoice, withLeat } from '../with-leat.ts';

const COMMON = {
  operands: '<run>',
  operandCount: [1, 1],
  options: { pipeline: PIPELINE_OPTION, json: JSON_OPTION },
  settings: ['nats', 'state'],
} as const;

export const pauseCommand: Command = defineCommand({
  ...COMMON,
  name: 'pause',
  summary: 'Pauses a run: what is in hand is finished, and everything is kept.',
  examples: ['pause <run>', 'pause <run> --pipeline orders'],
  run: (call) => steer(call, (run) => run.pause(), pauseText),
});

export const resumeCommand: Command = defineCommand({
  ...COMMON,
  name: 'resume',
  summary: 'Lets a run go on that is paused or has failed.',
  examples: ['resume <run>', 'resume <run> --pipeline orders'],
  run: (call) => steer(call, (run) => run.resume(), resumeText),
});

export const cancelCommand: Command = defineCommand({
  ...COMMON,
  name: 'cancel',
  summary: 'Ends a run with what is saved so far, and takes its messages off all queues.',
  examples: ['cancel <run>', 'cancel <run> --json'],
  run: (call) => steer(call, (run) => run.cancel(), cancelText),
});

function steer(
  call: Call<(typeof COMMON)['options']>,
  how: (run: RunHandle) => Promise<void>,
  textOf: (report: RunReport) => string,
): Promise<number> {
  const [id = ''] = call.operands;
  return withLeat(call, async (leat) => {
    const run = await leat.run(id, pipelineChoice(call));
    await how(run);
    const report = await run.report();
    if (call.flags.json === true) {
      await printJson({ run: id, pipeline: run.pipeline, state: report.state });
    } else {
      await print(`The run ${id} ${textOf(report)}\n`);
    }
    return EXIT.ok;
  });
}

function pauseText({ run, state }: RunReport): string {
  const when = state === 'pending' ? ', also when a fetcher takes it up' : '';
  return `is paused${when}: what is in hand is finished. "leat resume ${run}" lets it go on.`;
}

function resumeText({ state }: RunReport): string {
  return state === 'pending' ? 'goes on when a fetcher takes it up.' : 'goes on.';
}

function cancelText({ state, records, reason }: RunReport): string {
  if (state !== 'cancelled') {
    return 'is being cancelled: its fetcher ends it when savers have finished what they had begun.';
  }
  const why = reason === undefined ? '' : ` But ${reason}.`;
  return `is cancelled: ${records.saved.toLocaleString('en')} records are saved.${why}`;
}
