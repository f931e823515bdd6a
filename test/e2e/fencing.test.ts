import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSinkClaim } from '@leat/core';
import { ndjsonSink } from '@leat/connectors/files';
import { createLogger } from '@leat/runtime';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { DEADLINE_MS, Deployment, expectBalance, expectSquares } from '../support/deployment.ts';
import { until } from '../support/until.ts';

const COUNT = 10_000;
const CHUNKS = 500;

/** The chunks in a sink by the fence of their receipts. */
async function chunksByFence(out: string, run: string): Promise<Map<number, string[]>> {
  const claim = await readFile(join(out, run, 'receipts', '.claim'), 'utf8');
  const identity = parseSinkClaim(claim);
  if (identity === undefined) throw new Error(`This is no claim: ${claim}`);
  const session = await ndjsonSink(out).open({
    run: { id: run, pipeline: 'steady', params: {} },
    identity,
    isRecovered: false,
    stage: 'files',
    schema: z.unknown(),
    logger: createLogger({ format: 'json', level: 'silent' }),
  });
  const found = new Map<number, string[]>();
  for await (const { chunk, fence } of session.receipts()) {
    found.set(fence, [...(found.get(fence) ?? []), chunk]);
  }
  await session.close();
  return found;
}

test('a saver that wakes under another fetcher saves nothing under the old fence, and goes on under the new one', async () => {
  await using site = await Deployment.create('steady.ts', { env: { LEAT_ACK_WAIT_MS: '2000' } });
  const run = await site.start({ count: COUNT, delayMs: 10, hold: COUNT * 0.8 });
  const first = site.service('fetcher');
  site.services('mapper', 2);
  const stale = site.service('saver');
  await site.untilSaved(CHUNKS * 0.1, run, 'steady');
  stale.kill('SIGSTOP');
  first.kill('SIGKILL');
  const standby = site.service('fetcher');
  // Without a checkpoint there is nothing to resume: a second has not passed by then everywhere.
  const takesOver = (): boolean => /run (?:resumed|started)/.test(standby.stderr());
  await until('takeover', takesOver, DEADLINE_MS);
  const successor = site.service('saver');
  // It works under the new fence, also on what the stopped one holds.
  await site.untilSaved(CHUNKS * 0.3, run, 'steady');
  const before = await chunksByFence(site.out('steady'), run);
  expect(before.size).toBe(2);
  const [fence = 0, later = 0] = [...before.keys()].toSorted((a, b) => a - b);
  stale.kill('SIGCONT');
  await site.untilSaved(CHUNKS * 0.4, run, 'steady');
  // It is of use again, and alone.
  successor.kill('SIGKILL');
  await site.letGo();
  await site.untilEnded();

  const after = await chunksByFence(site.out('steady'), run);
  expect([...after.keys()].toSorted((a, b) => a - b)).toEqual([fence, later]);
  expect(after.get(fence)).toEqual(before.get(fence));
  // Unless it has looked at the run first, the sink told it; once.
  expect(stale.stderr().match(/has the fence/g) ?? []).toHaveLength(
    stale.stderr().includes('chunks given back') ? 1 : 0,
  );
  const report = await site.report(run);
  expect(report).toMatchObject({ state: 'completed', records: { in: COUNT, saved: COUNT } });
  expectBalance(report);
  expect(await site.verify(run)).toMatchObject({ code: 0 });
  expectSquares(await site.exported(run), COUNT);
});
