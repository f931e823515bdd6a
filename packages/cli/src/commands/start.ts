import { resolve } from 'node:path';
import { connectionName, loadPipeline, openPipelineConnection, startRun } from '@leat/runtime';
import {
  type Call,
  type Command,
  PARAM_OPTIONS,
  paramsOf,
  RECOVER,
  runFlag,
  secretsOf,
} from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { explained } from '../nats-access.ts';
import { print } from '../output.ts';

export const startCommand: Command = {
  name: 'start',
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Creates a run for the services to work on, and prints its id.',
  options: {
    run: {
      type: 'string',
      value: 'ID',
      meaning: 'The run’s id; one that failed or rests goes on.',
    },
    recover: RECOVER,
    ...PARAM_OPTIONS,
  },
  run: start,
};

async function start(call: Call): Promise<number> {
  const [file = ''] = call.operands;
  const pipeline = await loadPipeline(file);
  const run = runFlag(call);
  const params = paramsOf(call);
  const secrets = secretsOf(call);
  const connection = await openPipelineConnection(pipeline.spec, call.settings, {
    name: connectionName('start'),
    logger: call.logger,
  });
  try {
    const wish = {
      pipeline,
      file: resolve(file),
      params,
      secrets,
      isRecovered: call.flags['recover'] === true,
      ...(run !== undefined && { run }),
    };
    const { request } = await explained(call.settings.nats, startRun(connection.runs, wish));
    await print(`${request.run}\n`);
    return EXIT.ok;
  } finally {
    await connection.close();
  }
}
