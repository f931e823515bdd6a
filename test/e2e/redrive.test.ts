import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunReport } from '@leat/core';
import type { DeadLetter } from '@leat/runtime';
import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment, expectBalance, linesOf } from '../support/deployment.ts';
import { DevSite } from '../support/dev.ts';
import { startPostgres } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const RUN = 'r1';

/** The numbers that a stage of `mendable.ts` cannot do. */
interface Broken {
  readonly first?: readonly number[];
  readonly parts?: readonly number[];
  readonly squares?: readonly number[];
  /** How long the first stage takes for each number, and from which on it waits. */
  readonly delayMs?: number;
  readonly hold?: number;
}

/** At once: who reads the file meanwhile has the old one or the new one. */
async function breakStages(dir: string, broken: Broken): Promise<void> {
  const file = join(dir, 'broken.json');
  await writeFile(`${file}.new`, JSON.stringify(broken));
  await rename(`${file}.new`, file);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** What is saved of numbers up to `count` when nothing is broken but what is left out. */
function partsOf(count: number, without: readonly number[] = []): string[] {
  return upTo(count)
    .filter((n) => n % 10 !== 9 && !without.includes(n))
    .flatMap((n) => [0, 1, 2].map((part) => `${n}/${part}`))
    .toSorted();
}

/** How many executions each receipt in a sink of the run names. */
async function buriedIn(dir: string, sink: string): Promise<Record<string, number>> {
  const folder = join(dir, 'out', sink, RUN, 'receipts');
  const found: Record<string, number> = {};
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.txt')) continue;
    for (const line of (await readFile(join(folder, name), 'utf8')).split('\n')) {
      const chunk = line.slice(0, line.indexOf(' '));
      found[chunk] = line.match(/(?<=[ ,])[0-9a-f]{8}(?=[ ,]|$)/g)?.length ?? 0;
    }
  }
  return found;
}

interface Site {
  readonly exported: <T>(run: string, saver: string) => Promise<T[]>;
  readonly verify: (run: string) => Promise<{ readonly code: number | null }>;
}

/** Holds the sinks against what must be in them, each record once. */
async function expectSaved(site: Site, run: string, count: number, dead: Broken): Promise<void> {
  const lost = dead.first ?? [];
  const parts = await site.exported<{ n: number; part: number }>(run, 'part-files');
  expect(parts.map(({ n, part }) => `${n}/${part}`).toSorted()).toEqual(
    partsOf(count, [...lost, ...(dead.parts ?? [])]),
  );
  const squares = await site.exported<{ n: number; square: number }>(run, 'square-rows');
  expect(squares.every(({ n, square }) => square === n * n)).toBe(true);
  expect(squares.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(
    upTo(count).filter((n) => !lost.includes(n) && dead.squares?.includes(n) !== true),
  );
  // Chunk by chunk in dataset order, what was redriven at the end of its chunk.
  const chunks = squares.map(({ n }) => Math.floor(n / 20));
  expect(chunks).toEqual(chunks.toSorted((a, b) => a - b));
  expect(await site.verify(run)).toMatchObject({ code: 0 });
}

test('dead letters are tried again: all, by stage, by error, or one; and dropped', async () => {
  await using site = await DevSite.create('mendable.ts');
  const broken: Broken = { first: [3, 25, 26], parts: [7, 45], squares: [7, 50, 51, 52] };
  await breakStages(site.dir, broken);
  const dead = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await site.leat('dead', ...args);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return stdout;
  };
  const letters = async (): Promise<DeadLetter[]> =>
    linesOf<DeadLetter>(await dead('list', RUN, '--json'));
  const goOn = async (code: number): Promise<RunReport> => {
    expect(await site.dev({ count: 100 }, '--run', RUN).ended).toMatchObject({ code });
    const report = JSON.parse(await readFile(join(site.dir, 'report.json'), 'utf8')) as RunReport;
    expectBalance(report);
    return report;
  };
  expect((await goOn(3)).records).toMatchObject({ in: 100, filtered: 10, dead: 9 });
  // What buried records is named where they are counted: in the first copy, and the first piece of it.
  const buried = {
    ...(await buriedIn(site.dir, 'parts')),
    ...(await buriedIn(site.dir, 'squares')),
  };
  expect(buried).toMatchObject({ '0.0-2.0-3': 2, '0.0-2.1-3': 0, '0.1-2': 1 });
  expect(buried).toMatchObject({ '1.0-2.0-3': 1, '1.0-2.2-3': 0, '1.1-2': 0 });

  // They die again: the books are as before, and each has one letter.
  expect(await dead('redrive', RUN)).toMatch(/^9 dead letters of the run r1 will be tried again\./);
  expect((await goOn(3)).records).toMatchObject({ in: 100, filtered: 10, dead: 9 });
  await expectSaved(site, RUN, 100, broken);
  expect((await letters()).map(({ chunk, position }) => `${chunk}, ${position}`)).toContain(
    '0~1-3, record 3 of generate',
  );
  expect(await letters()).toHaveLength(9);

  await breakStages(site.dir, {});
  expect(await dead('redrive', RUN, '0~1-3', '0')).toMatch(/^1 dead letter of/);
  expect((await goOn(3)).records).toMatchObject({ in: 100, dead: 8 });
  await dead('redrive', RUN, '--stage', 'parts');
  expect((await goOn(3)).records).toMatchObject({ in: 100, dead: 6 });
  expect(JSON.parse(await dead('redrive', RUN, '--error', 'broken for 5', '--json'))).toEqual({
    run: RUN,
    records: 3,
    leftOut: {},
  });
  expect((await goOn(3)).records).toMatchObject({ in: 100, dead: 3 });
  await expectSaved(site, RUN, 100, { first: [25, 26], squares: [7] });

  // What is dropped stays dead.
  expect(await dead('drop', RUN, '--stage', 'squares')).toMatch(/^1 dead letter of .* is dropped/);
  expect(await dead('redrive', RUN)).toMatch(/^2 dead letters/);
  expect((await goOn(3)).records).toMatchObject({ in: 100, filtered: 10, dead: 1 });
  await expectSaved(site, RUN, 100, { squares: [7] });
  expect(await letters()).toEqual([]);
  expect(await dead('redrive', RUN)).toBe('0 dead letters of the run r1 will be tried again.\n');
  expect(await dead('drop', RUN)).toBe('0 dead letters of the run r1 are dropped.\n');

  const refusals: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [['redrive', RUN, '0'], /got 2 operands: see "leat dead redrive --help"/],
    [['drop', RUN, '0', 'x'], /index of a record must be a whole number from 0; it is "x"/],
  ];
  for (const [args, says] of refusals) {
    const ended = await site.leat('dead', ...args);
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(says) });
  }
});

test('dead letters are saved once, though mapper, saver, server and fetcher are killed meanwhile', async () => {
  const count = 200;
  await using database = await startPostgres();
  await using site = await Deployment.create('mendable.ts', { env: { LEAT_ACK_WAIT_MS: '2000' } });
  // Of the fourth chunk nothing is left.
  const first = upTo(count).filter((n) => n % 3 === 0 || Math.floor(n / 20) === 3);
  const broken: Broken = { first, parts: [7, 45, 46], squares: [7, 10] };
  await breakStages(site.dir, broken);
  const run = await site.start({ count, database: database.url });
  const services = [...site.services('mapper', 2), site.service('saver')];
  expect(await site.service('fetcher').ended).toMatchObject({ code: 3 });
  for (const { ended } of services) expect(await ended).toMatchObject({ code: 0 });
  await expectSaved(site, run, count, broken);

  const { records, chunks } = await site.report(run);
  expect(chunks).toMatchObject({ total: 10, dead: 1 });
  const dead = records.dead;
  // Slow enough to be killed in the middle.
  await breakStages(site.dir, { delayMs: 200 });
  expect(await site.leat('dead', 'redrive', run)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`${dead} dead letters of the run ${run} will be tried again.`),
  });
  const untilDead = (share: number): Promise<void> =>
    until(
      `${share} of the dead are left`,
      async () => (await site.report(run)).records.dead <= dead * share,
      DEADLINE_MS,
    );
  const fetcher = site.service('fetcher');
  const saver = site.service('saver');
  const [mapper] = site.services('mapper', 2);
  await untilDead(0.9);
  mapper?.kill('SIGKILL');
  await untilDead(0.75);
  await site.server.kill('SIGKILL');
  await site.server.restart();
  await untilDead(0.6);
  saver.kill('SIGKILL');
  const left = [site.service('saver'), site.service('mapper')];
  await untilDead(0.45);
  // Held there, all at once: what is held earlier takes the mappers from what a killed one has left behind.
  await breakStages(site.dir, { delayMs: 200, hold: 0 });
  fetcher.kill('SIGKILL');
  await fetcher.ended;
  const midway = await site.leat('dead', 'redrive', run);
  expect(midway.stderr).toMatch(/is running: wait until it has ended/);
  expect((await site.leat('dead', 'drop', run)).stderr).toMatch(/are being tried again: wait/);
  await breakStages(site.dir, {});
  expect(await site.service('fetcher').ended).toMatchObject({ code: 0 });
  for (const { ended } of left) expect(await ended).toMatchObject({ code: 0 });

  const report = await site.report(run);
  expect(report).toMatchObject({ state: 'completed', chunks: { total: 10, saved: 10, dead: 0 } });
  expect(report.records).toMatchObject({ in: count, filtered: count / 10, dead: 0 });
  expectBalance(report);
  await expectSaved(site, run, count, {});
  expect((await site.leat('dead', 'list', run)).stdout).toBe('No dead letters.\n');
});
