import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline as pump } from 'node:stream/promises';
import { isEnded, LeatError } from '@leat/core';
import type { Saver, SinkSession } from '@leat/sdk';
import type { Call, Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { PIPELINE_OPTION } from '../find-run.ts';
import { print } from '../output.ts';
import { storedRun, withSink } from '../stored-run.ts';

export const exportCommand: Command = {
  name: 'export',
  operands: '<run> [pipeline]',
  operandCount: [1, 2],
  summary: 'Writes what a finished run saved as one stream of NDJSON, in dataset order.',
  options: {
    pipeline: PIPELINE_OPTION,
    to: { type: 'string', value: 'FILE', meaning: 'Where to (default: standard output).' },
    stage: { type: 'string', value: 'NAME', meaning: 'Which saver, if there are several.' },
  },
  run: exportRun,
};

async function exportRun(call: Call): Promise<number> {
  const stored = await storedRun(call, 'export');
  const { report, savers } = stored;
  if (!isEnded(report.state)) {
    throw new LeatError(
      'run-state',
      `The run ${report.run} is ${report.state}: wait until it has ended.`,
    );
  }
  const saver = pickSaver(savers, call.flags['stage'] as string | undefined);
  const to = call.flags['to'] as string | undefined;
  await withSink(call, stored, saver, async (session) => {
    if (to === undefined) return printAll(session);
    // Under its own name only when it is whole.
    const partial = `${to}.partial`;
    await write(session, partial);
    await rename(partial, to);
  });
  return EXIT.ok;
}

async function printAll(session: SinkSession): Promise<void> {
  for await (const { body } of session.read()) if (!(await print(body))) return;
}

async function write(session: SinkSession, file: string): Promise<void> {
  const bodies = async function* (): AsyncGenerator<Uint8Array> {
    for await (const { body } of session.read()) yield body;
  };
  await pump(Readable.from(bodies(), { objectMode: false }), createWriteStream(file));
}

function pickSaver(savers: readonly Saver[], wanted: string | undefined): Saver {
  const names = savers.map(({ name }) => name).join(', ');
  const [only] = savers;
  if (wanted === undefined && savers.length === 1 && only !== undefined) return only;
  const found = savers.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  throw new LeatError('invalid-configuration', `Name one of the savers with --stage: ${names}.`);
}
