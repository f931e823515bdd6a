import { expect, test } from 'vitest';
import { expectBalance, expectSquares } from '../support/deployment.ts';
import { DevSite } from '../support/dev.ts';

test('two mappers read one fetcher, and two savers one mapper', async () => {
  await using site = await DevSite.create('fan-out.ts');
  const count = 5_000;
  const report = await site.run({ count });
  // Three readers of the fetcher and two of a mapper: every number is saved four times.
  expect(report.records).toEqual({
    in: count,
    expanded: 3 * count,
    saved: 4 * count,
    filtered: 0,
    dead: 0,
  });
  expectBalance(report);
  expect(await site.leat('verify', report.run)).toMatchObject({ code: 0 });
  const numbers = Array.from({ length: count }, (_, n) => n);
  expect(await site.exported(report.run, 'raw')).toEqual(numbers.map((n) => ({ n })));
  expect(await site.exported(report.run, 'name-files')).toEqual(
    numbers.map((n) => ({ n, name: `number ${n}` })),
  );
  expectSquares(await site.exported(report.run, 'square-files'), count);
  expectSquares(await site.exported(report.run, 'copies'), count);
});

test.each([
  { from: 0, what: 'half of each chunk' },
  { from: 3_000, what: 'all of many chunks' },
  { from: 9_999, what: 'everything' },
])('mappers in a row filter $what, expand, and see whole chunks', async ({ from }) => {
  await using site = await DevSite.create('row.ts');
  const count = 5_000;
  const report = await site.run({ count, from });
  const left = Array.from({ length: count }, (_, n) => n).filter((n) => n % 2 === 0 && n >= from);
  expect(report.records).toEqual({
    in: count,
    expanded: 2 * left.length,
    saved: 3 * left.length,
    filtered: count - left.length,
    dead: 0,
  });
  expectBalance(report);
  expect(await site.leat('verify', report.run)).toMatchObject({ code: 0 });
  const found = await site.exported<{ n: number; copy: number; chunkLength: number }>(report.run);
  expect(found.map(({ n, copy }) => ({ n, copy }))).toEqual(
    left.flatMap((n) => [0, 1, 2].map((copy) => ({ n, copy }))),
  );
  expect(new Set(found.map(({ chunkLength }) => chunkLength))).toEqual(
    new Set(left.length === 0 ? [] : [150]),
  );
});

test('one record becomes a thousand, in threads: chunks are divided', async () => {
  await using site = await DevSite.create('burst.ts');
  const report = await site.run({ count: 100 });
  expect(report.chunks.total).toBe(5);
  expect(report.records).toEqual({
    in: 100,
    expanded: 100 * 999,
    saved: 100_000,
    filtered: 0,
    dead: 0,
  });
  expectBalance(report);
  expect(await site.leat('verify', report.run)).toMatchObject({ code: 0 });
  expectSquares(await site.exported(report.run), 100_000);
});
