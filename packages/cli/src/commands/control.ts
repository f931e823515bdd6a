import type { RunHandle } from '@leat/operate';
import { type Call, type Command, defineCommand } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { JSON_OPTION, printJson } from '../json.ts';
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
  run: (call) => steer(call, (run) => run.pause()),
});

export const resumeCommand: Command = defineCommand({
  ...COMMON,
  name: 'resume',
  summary: 'Lets a run go on that is paused or has failed.',
  examples: ['resume <run>', 'resume <run> --pipeline orders'],
  run: (call) => steer(call, (run) => run.resume()),
});

export const cancelCommand: Command = defineCommand({
  ...COMMON,
  name: 'cancel',
  summary: 'Ends a run with what is saved so far, and takes its messages off all queues.',
  examples: ['cancel <run>', 'cancel <run> --json'],
  run: (call) => steer(call, (run) => run.cancel()),
});

function steer(
  call: Call<(typeof COMMON)['options']>,
  how: (run: RunHandle) => Promise<void>,
): Promise<number> {
  const [id = ''] = call.operands;
  return withLeat(call, async (leat) => {
    const run = await leat.run(id, pipelineChoice(call));
    await how(run);
    if (call.flags.json === true) {
      const { state } = await run.report();
      await printJson({ run: id, pipeline: run.pipeline, state });
    }
    return EXIT.ok;
  });
}
