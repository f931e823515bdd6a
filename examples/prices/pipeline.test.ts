import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runPipeline } from 'leat';
import { testPipeline } from 'leat/testing';
import { expect, onTestFinished, test } from 'vitest';
import prices from './pipeline.ts';

test('an order whose item has no price goes on without one', async () => {
  const { results, dead } = await testPipeline(prices, [
    { id: 1, item: 'pen' },
    { id: 2, item: 'quill' },
  ]);
  expect(results['files']).toEqual([
    { id: 1, item: 'pen', cents: 120 },
    { id: 2, item: 'quill', cents: null },
  ]);
  expect(dead).toEqual([]);
});

test('the run leaves a note when it ends', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'leat-prices-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const out = join(folder, 'prices');
  const stateDir = join(folder, 'state');
  const { run, records, hooks } = await runPipeline(prices, { params: { out }, stateDir });
  expect(records).toMatchObject({ in: 400, saved: 400, dead: 0 });
  expect(hooks).toEqual([{ id: `${run}:finally`, name: 'finally', attempts: 1 }]);
  expect(JSON.parse(await readFile(`${out}.json`, 'utf8'))).toEqual({
    hook: `${run}:finally`,
    run,
    state: 'completed',
    records,
  });
}, 60_000);
