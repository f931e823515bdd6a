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
import { otherSink, storedRun, type StoredRun, withSink } from '../stored-run.ts';

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
    demandItsSink(stored, saver, session);
    if (to === undefined) {
      demandAll(stored, await printAll(session));
      return;
    }
    // Under its own name only when it is whole.
    const partial = `${to}.partial`;
    demandAll(stored, await write(session, partial));
    await rename(partial, to);
  });
  return EXIT.ok;
}

/** @returns how many records there are; nothing if nobody takes them any more */
async function printAll(session: SinkSession): Promise<number | undefined> {
  let all = 0;
  for await (const { body, records } of session.read()) {
    if (!(await print(body))) return undefined;
    all += records;
  }
  return all;
}

/** @returns how many records there are */
async function write(session: SinkSession, file: string): Promise<number> {
  let all = 0;
  const bodies = async function* (): AsyncGenerator<Uint8Array> {
    for await (const { body, records } of session.read()) {
      all += records;
      yield body;
    }
  };
  await pump(Readable.from(bodies(), { objectMode: false }), createWriteStream(file));
  return all;
}

/** @throws LeatError `sink-taken` if the pipeline file leads to another sink than the run was saved into */
function demandItsSink({ progress }: StoredRun, saver: Saver, { identity }: SinkSession): void {
  const known = progress?.sinks?.[saver.name];
  if (known === undefined || identity === undefined || known.mark === identity.mark) return;
  throw new LeatError('sink-taken', otherSink(saver.name, known, identity));
}

/**
 * Where there is one sink, the report says how much must be in it.
 *
 * @throws LeatError `run-failed` if it is not all there
 */
function demandAll({ report, savers }: StoredRun, records: number | undefined): void {
  const { saved } = report.records;
  if (records === undefined || savers.length > 1 || report.state === 'cancelled') return;
  if (report.state === 'failed' || records === saved) return;
  throw new LeatError(
    'run-failed',
    `The sink has ${records} records of the run ${report.run}, and the report says ${saved} were saved: "leat verify" says which are missing.`,
  );
}

function pickSaver(savers: readonly Saver[], wanted: string | undefined): Saver {
  const names = savers.map(({ name }) => name).join(', ');
  const [only] = savers;
  if (wanted === undefined && savers.length === 1 && only !== undefined) return only;
  const found = savers.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  throw new LeatError('invalid-configuration', `Name one of the savers with --stage: ${names}.`);
}
