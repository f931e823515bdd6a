import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { GivenParams } from '@leat/core';
import { ndjsonSink } from '@leat/connectors/files';
import { records as recordsSource } from '@leat/connectors/memory';
import { startLocalRun } from '@leat/host';
import { connect } from '@leat/operate';
import { textsOf } from '@leat/runtime';
import { type Pipeline, pipeline, saver } from '@leat/sdk';
import { copyingFrom } from '../copy-stages.ts';
import type { DeadTestRecord, TestedPipeline } from './result.ts';
import { valueIn } from './value-in.ts';

/** Takes records through the services of a pipeline, over a server of its own, into a folder that is removed. */
export async function onServer(
  subject: Pipeline,
  given: readonly unknown[],
  options: { readonly params?: GivenParams; readonly chunkSize?: number },
): Promise<TestedPipeline> {
  const { params = {}, chunkSize = subject.fetcher.chunkSize } = options;
  const folder = await mkdtemp(path.join(tmpdir(), 'leat-test-'));
  try {
    const copyOf = copyingFrom({
      ...subject.fetcher,
      chunkSize,
      source: () => recordsSource(given),
    });
    const savers = subject.stages
      .filter((stage) => stage.kind === 'saver')
      .map(({ name, from }) =>
        saver(name, { from: copyOf(from), sink: ndjsonSink(path.join(folder, name)) }),
      );
    const copy = pipeline(subject.name, { savers });
    const stateDir = path.join(folder, 'state');
    await using local = await startLocalRun(copy, { params, stateDir });
    const { report, error } = await local.ended;
    if (error !== undefined) throw error;
    if (report === undefined) throw new Error('the run was left before its end');
    const left = await leftOf(local.url, local.run, copy);
    return { ...left, records: report.records, retries: report.retries };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a run has saved, and what it has given up. */
async function leftOf(
  servers: string,
  run: string,
  tested: Pipeline,
): Promise<Pick<TestedPipeline, 'results' | 'dead'>> {
  await using leat = await connect({ servers });
  const results: Record<string, unknown[]> = {};
  for (const stage of tested.stages) {
    if (stage.kind !== 'saver') continue;
    const { name, from } = stage;
    const saved: unknown[] = (results[name] = []);
    for await (const { body } of leat.export(run, tested, { saver: name })) {
      for (const text of textsOf(body)) saved.push(valueIn(text, from[0].numbers));
    }
  }
  const dead: DeadTestRecord[] = [];
  for await (const letter of leat.dead.list(run, { pipeline: tested.name })) {
    const { stage, record, position, attempts, error } = letter;
    dead.push({ stage, record, position, attempts, error });
  }
  return { results, dead };
}
