import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment } from '../support/deployment.ts';
import { DevSite } from '../support/dev.ts';
import { fixture, leat } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const API = 'https://api.test/v1';
const COUNT = 60;

const CASES = [
  {
    args: ['--param', `api=${API}`, '--param', 'cuont=3'],
    says: 'There is no parameter "cuont": did you mean count? The parameter count is missing (',
  },
  {
    args: ['--param', 'count=0', '--param', `api=${API}`],
    says: 'The parameter count does not fit: Too small: expected number to be >=1.',
  },
];

test.each(CASES)('dev refuses $args, and leaves nothing', async ({ args, says }) => {
  await using dir = await tempDir();
  const dev = ['dev', fixture('typed-params.ts'), ...args];
  const { code, stderr } = await leat(dev, { cwd: dir.path });
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(says) });
  expect(await readdir(dir.path)).toEqual([]);
});

test('source, functions in threads and in quarantine, and sink get what the schema makes of text', async () => {
  const site = await DevSite.create('typed-params.ts');
  const { code, stderr } = await site.dev({ count: COUNT, api: API }, '--run', 'r1').ended;
  expect({ code, stderr }).toMatchObject({ code: 3 });
  expect(stderr).toContain('quarantine');
  const saved = await site.exported<{ n: number; seen: string[] }>('r1');
  const numbers = Array.from({ length: COUNT }, (_, n) => n).filter((n) => n !== 42);
  const seen = Array.from({ length: 3 }, () => 'api.test URL');
  expect(saved.toSorted((a, b) => a.n - b.n)).toEqual(numbers.map((n) => ({ n, seen })));
  expect(await readdir(`${site.dir}/out/typed`)).toContain('r1');
});

test('start refuses what does not fit; a service with another schema says so in status', async () => {
  const site = await Deployment.create('typed-params.ts');
  for (const { args, says } of CASES) {
    const { code, stderr } = await site.leat('start', site.file, ...args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(says) });
  }
  expect(await site.reports()).toEqual([]);
  const run = await site.start({ count: COUNT, api: API });
  const why = `The run ${run} does not fit the parameters of this pipeline file. The parameter region is missing (Invalid input: expected string, received undefined).`;
  const next = site.as({ TYPED_NEXT: '1' });
  for (const role of ['fetcher', 'mapper', 'saver'] as const) {
    const other = next.replica(role);
    const says = async (): Promise<boolean> =>
      (await site.report(run)).troubles.some(({ reason }) => reason === why);
    await until(`a ${role} says why`, () => other.stderr().includes(why), DEADLINE_MS);
    await until('status says why', says, DEADLINE_MS);
    other.kill('SIGTERM');
    expect(await other.ended).toMatchObject({ code: 0 });
    site.replica(role);
  }
  const ended = async (): Promise<boolean> => (await site.report(run)).endedAt !== null;
  await until('the run has ended', ended, DEADLINE_MS);
  expect(await site.report(run)).toMatchObject({
    records: { in: COUNT, saved: COUNT - 1, dead: 1 },
  });
});
