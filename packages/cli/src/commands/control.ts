import { isEnded, LeatError, type RunWish } from '@leat/core';
import type { Call, Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { findRun, PIPELINE_OPTION, withRuns } from '../find-run.ts';

export const pauseCommand: Command = {
  name: 'pause',
  operands: '<run>',
  operandCount: [1, 1],
  summary: 'Lets a run rest: what is in hand is finished, and everything is kept.',
  options: { pipeline: PIPELINE_OPTION },
  run: (call) => wish(call, 'pause'),
};

export const resumeCommand: Command = {
  name: 'resume',
  operands: '<run>',
  operandCount: [1, 1],
  summary: 'Lets a run go on that was paused.',
  options: { pipeline: PIPELINE_OPTION },
  run: (call) => wish(call, 'run'),
};

export const cancelCommand: Command = {
  name: 'cancel',
  operands: '<run>',
  operandCount: [1, 1],
  summary: 'Ends a run with what is saved so far, and takes its messages off all queues.',
  options: { pipeline: PIPELINE_OPTION },
  run: (call) => wish(call, 'cancel'),
};

function wish(call: Call, wanted: RunWish): Promise<number> {
  const [run = ''] = call.operands;
  return withRuns(call, async (place) => {
    const { runs } = await findRun(place, run);
    const state = (await runs.progress(run))?.progress.state ?? 'pending';
    if (isEnded(state)) {
      throw new LeatError('run-state', `The run ${run} has ended (${state}): nothing to do.`);
    }
    await runs.setWish(run, wanted);
    return EXIT.ok;
  });
}
