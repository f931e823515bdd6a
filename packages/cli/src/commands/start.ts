import { resolve } from 'node:path';
import { loadPipeline } from '@leat/runtime';
import { fromStart } from '@leat/sdk';
import { type Call, type Command, type CommandOptions, defineCommand } from '../command.ts';
import { PARAM_OPTIONS, paramsOf, RECOVER, RUN_OPTION, runFlag, secretsOf } from '../flags.ts';
import { EXIT } from '../exit-code.ts';
import { JSON_OPTION, printJson } from '../json.ts';
import { print } from '../output.ts';
import { connectTo } from '../with-leat.ts';

const OPTIONS = {
  run: RUN_OPTION,
  recover: RECOVER,
  ...PARAM_OPTIONS,
  json: JSON_OPTION,
} as const satisfies CommandOptions;

export const startCommand: Command = defineCommand({
  name: 'start',
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Creates a run for the services to work on, and prints its id.',
  options: OPTIONS,
  settings: ['nats', 'queues'],
  examples: ['start pipeline.ts', 'start pipeline.ts --run monday --param file=orders.csv'],
  run: start,
});

async function start(call: Call<typeof OPTIONS>): Promise<number> {
  const [file = ''] = call.operands;
  const pipeline = await loadPipeline(file);
  const id = runFlag(call);
  const options = {
    file: resolve(fromStart(file)),
    params: paramsOf(call),
    secrets: secretsOf(call),
    recover: call.flags.recover === true,
    ...(id !== undefined && { run: id }),
  };
  await using leat = await connectTo(call, call.settings.nats);
  const run = await leat.start(pipeline, options);
  if (call.flags.json === true) await printJson({ run: run.id, pipeline: run.pipeline });
  else await print(`${run.id}\n`);
  return EXIT.ok;
}
