import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runSupervised, type SupervisedRun } from '../support/supervised-run.ts';

const OUTCOME = {
  fetcher: { code: 3 },
  verified: { code: 0 },
  report: {
    state: 'completed-with-dead-letters',
    records: { in: 30, saved: 29, dead: 1, filtered: 0 },
  },
  letters: [
    {
      stage: 'slow',
      chunk: '1',
      index: 7,
      position: 'record 17 of generate',
      record: '{"n":17}',
      error: {
        name: 'TimedOut',
        message: 'it was worked on for longer than 1000 ms, the timeoutMs of its stage',
      },
    },
  ],
};

/** How often the bad record's chunk was worked on, whole or in part. */
async function executions({ dir }: SupervisedRun): Promise<number> {
  const calls = await readFile(join(dir, 'calls.txt'), 'utf8');
  return calls.split('\n').filter((line) => line.startsWith('1 ')).length;
}

test.each([
  ['a promise that is never kept', 'never', '0'],
  ['a promise that is never kept, in a thread', 'never', '2'],
  ['an endless loop in a thread', 'loop', '2'],
])('%s is found and buried, the 9 others are saved, and the mapper lives on', async (...given) => {
  const [, how, threads] = given;
  // Nobody dies, so that nothing waits for the window.
  const env = { SLOW_THREADS: threads, LEAT_ACK_WAIT_MS: '30000' };
  const run = await runSupervised('time-out', [`how=${how}`], env);
  expect(run).toMatchObject(OUTCOME);
  expect(run.mappers).toMatchObject([{ code: 0 }]);
  expect(run.mappers[0]?.stderr).toContain('quarantine: it was worked on for longer than 1000 ms');
  expect(await executions(run)).toBeLessThanOrEqual(1 + 9);
});

test('an endless loop without threads ends its process, until the record is found and buried', async () => {
  const run = await runSupervised('time-out', ['how=loop'], {});
  expect(run).toMatchObject(OUTCOME);
  const ends = run.mappers.map(({ signal }) => signal);
  expect(ends.pop()).toBeNull();
  // Three deliveries before the chunk is suspected: on a busy machine one of them may have come to nothing.
  expect(ends.length).toBeGreaterThanOrEqual(1);
  expect(ends.length).toBeLessThanOrEqual(3);
  expect(new Set(ends)).toEqual(new Set(['SIGKILL']));
  for (const { stderr } of run.mappers.slice(0, -1)) {
    expect(stderr).toMatch(
      /^leat: this process has been blocked for .* the stage slow .* timeoutMs is 1000;.*"threads"/m,
    );
  }
  expect(await executions(run)).toBeLessThanOrEqual(3 + 9);
});
