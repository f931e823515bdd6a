import { expect, test } from 'vitest';
import { runSupervised } from '../support/supervised-run.ts';

const OUTCOME = {
  fetcher: { code: 3 },
  verified: { code: 0 },
  report: {
    state: 'completed-with-dead-letters',
    records: { in: 30, saved: 29, dead: 1, filtered: 0 },
  },
  letters: [
    {
      stage: 'risky',
      chunk: '1',
      index: 7,
      position: 'record 17 of generate',
      record: '{"n":17}',
      error: { name: 'ProcessDied' },
    },
  ],
};

test.each(['abort', 'exit'] as const)(
  'a record that ends its process (%s) stands alone in the dead letters, and the rest is saved',
  async (poison) => {
    const { mappers, ...outcome } = await runSupervised('poison', [`poison=${poison}`], {});
    expect(outcome).toMatchObject(OUTCOME);
    // Three deliveries before the chunk is suspected: on a busy machine one of them may have come to nothing.
    expect(mappers.length).toBeGreaterThanOrEqual(2);
    expect(mappers.length).toBeLessThanOrEqual(4);
  },
);

test('a record that ends its worker thread does not take the mapper down', async () => {
  const { mappers, ...outcome } = await runSupervised('poison', ['poison=exit'], {
    POISON_THREADS: '2',
  });
  expect(outcome).toMatchObject(OUTCOME);
  expect(mappers).toHaveLength(1);
});
