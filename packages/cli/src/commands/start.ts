import { resolve } from 'node:path';
import { loadPipeline, openPipelineConnection } from '@leat/sdk/internal';
import { type Call, type Command, paramsOf, runFlag } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { connectionName, openRun, RECOVER } from '../open-run.ts';
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
    param: { type: 'string', multiple: true, value: 'K=V', meaning: 'A parameter of the run.' },
  },
  run: start,
};

async function start(call: Call): Promise<number> {
  const [file = ''] = call.operands;
  const pipeline = await loadPipeline(file);
  const run = runFlag(call);
  const params = paramsOf(call);
  const connection = await openPipelineConnection(pipeline.spec, call.settings, {
    name: connectionName('start'),
    logger: call.logger,
  });
  try {
    const { request } = await openRun(connection.runs, {
      pipeline,
      file: resolve(file),
      params,
      isRecovered: call.flags['recover'] === true,
      ...(run !== undefined && { run }),
    });
    await print(`${request.run}\n`);
    return EXIT.ok;
  } finally {
    await connection.close();
  }
}
