import { LeatError } from '@leat/core';
import type { StoredChunk } from '@leat/sdk';
import { type Call, type Command, type CommandOptions, defineCommand } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { exportTo } from '../export-file.ts';
import { printJson } from '../json.ts';
import { print } from '../output.ts';
import { pipelineOfRun } from '../pipeline-of-run.ts';
import { listenForShutdown } from '../shutdown.ts';
import { PIPELINE_OPTION, withLeat } from '../with-leat.ts';

const OPTIONS = {
  pipeline: PIPELINE_OPTION,
  to: { type: 'string', value: 'FILE', meaning: 'Where to (default: standard output).' },
  stage: { type: 'string', value: 'NAME', meaning: 'Which saver, if there are several.' },
  json: { type: 'boolean', meaning: 'With --to: print how much was written, as JSON.' },
} as const satisfies CommandOptions;

export const exportCommand: Command = defineCommand({
  name: 'export',
  operands: '<run> [pipeline]',
  operandCount: [1, 2],
  summary: 'Writes what a finished run saved as one stream of NDJSON, in dataset order.',
  options: OPTIONS,
  settings: ['nats', 'state'],
  examples: ['export <run> > records.ndjson', 'export <run> pipeline.ts --to records.ndjson'],
  run: exportRun,
});

/** How long a sink that does not answer may keep an export from ending. */
const STOP_GRACE_MS = 2_000;

/** How much was written. */
interface Written {
  chunks: number;
  records: number;
  bytes: number;
}

async function exportRun(call: Call<typeof OPTIONS>): Promise<number> {
  const [id = ''] = call.operands;
  const { to, stage } = call.flags;
  const isJson = call.flags.json === true;
  if (isJson && to === undefined) {
    throw new LeatError(
      'invalid-configuration',
      'Without --to the records are what is printed: --json needs --to FILE.',
    );
  }
  return withLeat(call, async (leat, isOfDev) => {
    const pipeline = await pipelineOfRun(call, leat, isOfDev, 'export');
    const chunks = leat.export(id, pipeline, stage === undefined ? {} : { saver: stage });
    if (to === undefined) {
      for await (const { body } of chunks) if (!(await print(body))) break;
      return EXIT.ok;
    }
    let stop: AbortSignal | undefined;
    const untilStopped = (): AbortSignal =>
      (stop ??= listenForShutdown(() => undefined, STOP_GRACE_MS).stop);
    const written = await write(chunks, to, untilStopped).catch((error: unknown) => {
      if (stop?.aborted === true) return undefined;
      throw error;
    });
    if (written === undefined) return EXIT.interrupted;
    if (isJson) await printJson({ run: id, pipeline: pipeline.name, file: to, ...written });
    return EXIT.ok;
  });
}

async function write(
  chunks: AsyncIterable<StoredChunk>,
  to: string,
  untilStopped: () => AbortSignal,
): Promise<Written> {
  const written: Written = { chunks: 0, records: 0, bytes: 0 };
  const bodies = async function* (): AsyncGenerator<Uint8Array> {
    for await (const { body, records } of chunks) {
      written.chunks++;
      written.records += records;
      written.bytes += body.length;
      yield body;
    }
  };
  await exportTo(to, bodies(), untilStopped);
  return written;
}
