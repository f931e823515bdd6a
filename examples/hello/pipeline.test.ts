import { simulate, testPipeline } from 'leat/testing';
import { expect, test } from 'vitest';
import hello from './pipeline.ts';

test('squares numbers, and gives up what is not a number', async () => {
  const { results, dead, records } = await testPipeline(hello, [1, 2, 'three']);
  expect(results['files']).toEqual([
    { n: 1, square: 1 },
    { n: 2, square: 4 },
  ]);
  expect(dead).toMatchObject([{ stage: 'squares', record: '"three"', attempts: 1 }]);
  expect(records).toEqual({ in: 3, expanded: 0, saved: 2, filtered: 0, dead: 1 });
});

test('loses and doubles nothing, whatever dies', async () => {
  const numbers = Array.from({ length: 50 }, (_, n) => n);
  const report = await simulate(hello, { records: numbers, seeds: 20 });
  expect(report.deaths).toBeGreaterThan(0);
}, 120_000);
