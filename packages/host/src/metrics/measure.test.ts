import { ndjsonSink } from '@leat/connectors/files';
import { generate } from '@leat/connectors/memory';
import { fetcher, mapper, pipeline, saver } from '@leat/sdk';
import type { RunReport } from '@leat/core';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { measure, type Measurement } from './measure.ts';

const schema = z.object({ n: z.number() });
const numbers = fetcher('numbers', { source: () => generate(1, (n) => ({ n })), schema });
const squares = mapper('squares', { from: numbers, schema, map: (each) => each });
const files = saver('files', { from: squares, sink: ndjsonSink('out') });
const steady = pipeline('steady', { savers: [files] });

/** The samples of Leat's own metrics, without the labels that all have. */
async function samplesOf(measurement: Measurement): Promise<Record<string, number>> {
  const { text } = await measurement.answer();
  const samples: Record<string, number> = {};
  for (const line of text.split('\n').filter((each) => each.startsWith('leat_'))) {
    const [, name = '', value] = /^(\S+) (\S+)$/.exec(line) ?? [];
    expect(name).toContain('pipeline="steady"');
    const own = name.replaceAll(/,?(?:pipeline|role)="\w+"/g, '').replace('{}', '');
    samples[own.replace('{,', '{')] = Number(value);
  }
  return samples;
}

const report = (saved: number, changes: Partial<RunReport> = {}): RunReport => ({
  run: 'r',
  pipeline: 'steady',
  state: 'running',
  startedAt: null,
  endedAt: null,
  chunks: { total: 10, isTotalKnown: false, saved, dead: 0, inFlight: 10 - saved },
  records: { in: saved, expanded: 0, saved, filtered: 0, dead: 0 },
  retries: 0,
  duplicatesIgnored: 0,
  fraction: saved / 10,
  digest: '',
  versions: {},
  pace: null,
  troubles: [],
  ...changes,
});

test('what a stage does is counted from its first chunk, and shown as zero before', async () => {
  const measurement = measure(steady, ['mapper'], ['squares']);
  expect(await samplesOf(measurement)).toMatchObject({
    'leat_chunks_total{stage="squares",outcome="given-back"}': 0,
    'leat_retries_total{stage="squares"}': 0,
    'leat_dead_letters_total{stage="squares"}': 0,
    leat_nats_up: 0,
  });
  const meter = measurement.meter('squares');
  meter.take(1);
  meter.take(2);
  meter.take(1);
  meter.settle('done', 20);
  meter.settle('given-back', 5_000);
  meter.work({ out: 90, filtered: 7, retries: 2, recovered: 4 });
  meter.bury(3);
  expect(await samplesOf(measurement)).toMatchObject({
    'leat_chunks_total{stage="squares",outcome="done"}': 1,
    'leat_chunks_total{stage="squares",outcome="given-back"}': 1,
    'leat_chunks_in_flight{stage="squares"}': 1,
    'leat_redeliveries_total{stage="squares"}': 1,
    'leat_records_total{stage="squares",outcome="out"}': 90,
    'leat_records_total{stage="squares",outcome="filtered"}': 7,
    'leat_retries_total{stage="squares"}': 2,
    'leat_recovered_total{stage="squares"}': 4,
    'leat_dead_letters_total{stage="squares"}': 3,
    'leat_chunk_duration_seconds_bucket{le="0.01",stage="squares"}': 0,
    'leat_chunk_duration_seconds_bucket{le="0.05",stage="squares"}': 1,
    'leat_chunk_duration_seconds_sum{stage="squares"}': 0.02,
  });
});

test('a fetcher shows the run that it conducts, and nothing of it afterwards', async () => {
  const measurement = measure(steady, ['fetcher'], ['numbers']);
  const idle = await samplesOf(measurement);
  expect(idle).toMatchObject({ leat_lease_held: 0 });
  expect(idle).not.toHaveProperty('leat_run_fence');
  expect(idle).not.toHaveProperty('leat_window_chunks');
  measurement.onLease(7);
  measurement.onWindow(144);
  measurement.onProgress(report(4));
  expect(await samplesOf(measurement)).toMatchObject({
    leat_lease_held: 1,
    leat_run_fence: 7,
    leat_window_chunks: 144,
    leat_run_paused: 0,
    leat_run_progress_ratio: 0.4,
    'leat_run_chunks{state="in-flight"}': 6,
    'leat_run_records{state="saved"}': 4,
  });
  measurement.onProgress(report(4, { state: 'paused', fraction: null }));
  const paused = await samplesOf(measurement);
  expect(paused['leat_run_paused']).toBe(1);
  expect(paused).not.toHaveProperty('leat_run_progress_ratio');
  measurement.onLease(undefined);
  expect(await samplesOf(measurement)).toEqual(idle);
});

test('a role shows its own metrics only', async () => {
  const ofSaver = Object.keys(await samplesOf(measure(steady, ['saver'], ['files']))).join('\n');
  expect(ofSaver).toContain('leat_records_total');
  expect(ofSaver).not.toMatch(/leat_(lease|run_|window|retries)/);
  const ofFetcher = Object.keys(await samplesOf(measure(steady, ['fetcher'], ['numbers']))).join();
  expect(ofFetcher).not.toMatch(/leat_(chunk|records|queue)/);
});
