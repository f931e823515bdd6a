import { isEnded, LeatError } from '@leat/core';
import type { Pipeline, Saver, StoredChunk } from '@leat/sdk';
import { explained, type Site } from '../site.ts';
import { openStored, otherSink, storedRun, type StoredRun } from './stored-run.ts';
import { faultOf, sideBySide } from './verify-sink.ts';

/** What is exported. */
export interface ExportOptions {
  /**
   * Which saver's sink is read.
   * @defaultValue the only one; with several, one must be named
   */
  readonly saver?: string;
}

/**
 * What a run that has ended saved, in dataset order. Nothing is read before the first chunk is asked for, and a chunk
 * is given only if it is what its receipt says.
 */
export async function* exportRun(
  site: Site,
  run: string,
  pipeline: Pipeline,
  { saver: wanted }: ExportOptions,
): AsyncGenerator<StoredChunk, void> {
  const stored = await explained(site, storedRun(site, run, pipeline));
  const { report, savers } = stored;
  if (!isEnded(report.state)) {
    throw new LeatError('run-state', `The run ${run} is ${report.state}: wait until it has ended.`);
  }
  const saver = pickSaver(savers, wanted);
  const session = await openStored(site, stored, saver);
  try {
    const other = otherSink(stored, saver.name, session.identity);
    if (other !== undefined) throw other;
    let records = 0;
    for await (const [receipt, chunk] of sideBySide(session, saver.name)) {
      if (chunk === undefined) continue;
      const fault = receipt && faultOf(receipt, chunk);
      if (fault !== undefined) throw altered(stored, saver, chunk, fault);
      records += chunk.records;
      yield chunk;
    }
    demandAll(stored, records);
  } finally {
    await session.close();
  }
}

/** That a chunk is not what its receipt says: somebody has edited it, or the disk has. */
function altered(
  { report }: StoredRun,
  { name }: Saver,
  { chunk }: StoredChunk,
  fault: string,
): LeatError {
  return new LeatError(
    'run-failed',
    `The export of the run ${report.run} ends before chunk ${chunk} of the saver ${name}, which ${fault}: put it back as it was; "leat verify" names all that differ.`,
  );
}

/**
 * Where there is one sink, the report says how much must be in it.
 *
 * @throws LeatError `run-failed` if it is not all there
 */
function demandAll({ report, savers }: StoredRun, records: number): void {
  const { saved } = report.records;
  if (savers.length > 1 || report.state === 'cancelled') return;
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
