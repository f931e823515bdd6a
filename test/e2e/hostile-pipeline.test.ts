import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunReport } from '@leat/core';
import type { DeadLetter } from '@leat/runtime';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  DEADLY,
  FATAL,
  HARMLESS,
  type HostileRecord,
  SPREADING,
} from '../fixtures/hostile-acts.ts';
import { expectBalance, linesOf } from '../support/deployment.ts';
import { DevSite } from '../support/dev.ts';

/** `LEAT_FUZZ_SEED=N` repeats a run; otherwise each is another. */
const SEED = Number(process.env['LEAT_FUZZ_SEED'] ?? Date.now() % 1e6);
const RUN = 'r1';
/** More than there are acts. */
const COUNT = 60;

interface Case {
  readonly kind: 'map' | 'flatMap' | 'mapChunk';
  readonly threads: number;
  readonly acts: Readonly<Record<string, unknown>>;
}

/** Records with random contents, each with something that the user's function does with it. */
function recordsOf(names: readonly string[], count: number): HostileRecord[] {
  // Most records without any, and every act once at least.
  const act = fc.oneof({ weight: 3, arbitrary: fc.constant('nothing') }, fc.constantFrom(...names));
  const payload = fc.jsonValue({ maxDepth: 2 });
  const sample = fc.sample(fc.record({ act, payload }), { seed: SEED, numRuns: count });
  return sample.map((each, n) => ({ n, act: names[n] ?? each.act, payload: each.payload }));
}

/** Runs the pipeline on the records, to its end. */
async function run(site: DevSite, which: Case, mended: boolean): Promise<RunReport> {
  const { kind, threads } = which;
  await writeFile(join(site.dir, 'hostile.json'), JSON.stringify({ kind, threads, mended }));
  const { code, stderr } = await site.dev({}, '--run', RUN).ended;
  expect({ stderr, isEnded: code === 0 || (code === 3 && !mended) }).toMatchObject({
    isEnded: true,
  });
  const report = JSON.parse(await readFile(join(site.dir, 'report.json'), 'utf8')) as RunReport;
  expectBalance(report);
  expect(await site.verify(RUN)).toMatchObject({ code: 0 });
  return report;
}

const ownNumbers = (records: readonly HostileRecord[]): number[] =>
  records.map(({ n }) => n).toSorted((a, b) => a - b);

const CASES: readonly Case[] = [
  { kind: 'flatMap', threads: 0, acts: { ...HARMLESS, ...FATAL } },
  { kind: 'mapChunk', threads: 0, acts: { ...HARMLESS, ...FATAL } },
  { kind: 'map', threads: 2, acts: { ...HARMLESS, ...FATAL, ...DEADLY } },
  { kind: 'map', threads: 1, acts: { ...HARMLESS, ...SPREADING } },
];

test.each(CASES)(
  `a hostile $kind, $threads threads: each record is as a plain evaluation says, or can be redriven (LEAT_FUZZ_SEED=${SEED})`,
  async (which) => {
    await using site = await DevSite.create('hostile.ts');
    const records = recordsOf(Object.keys(which.acts), COUNT);
    const lines = records.map((record) => `${JSON.stringify(record)}\n`);
    await writeFile(join(site.dir, 'records.ndjson'), lines.join(''));
    const original = new Map(records.map((record) => [record.n, record]));

    const report = await run(site, which, false);
    const saved = await site.exported<HostileRecord>(RUN);
    const listed = await site.leat('dead', 'list', RUN, '--json');
    const letters = linesOf<DeadLetter>(listed.stdout);
    const dead = letters.map(({ record }) => JSON.parse(record ?? '') as HostileRecord);
    expect(report.records).toMatchObject({ in: COUNT, saved: saved.length, dead: dead.length });
    // Saved or dead, as it was, each once.
    for (const each of [...saved, ...dead]) expect(each).toEqual(original.get(each.n));
    expect(ownNumbers([...saved, ...dead])).toEqual([...original.keys()]);
    const acts = new Set(saved.map(({ act }) => act));
    expect([...Object.keys(FATAL), ...Object.keys(DEADLY)].filter((act) => acts.has(act))).toEqual(
      [],
    );
    const isSpread = Object.keys(SPREADING).some((act) => act in which.acts);
    if (!isSpread) expect(dead.filter(({ act }) => act in HARMLESS)).toEqual([]);

    if (dead.length === 0) return;
    const redriven = await site.leat('dead', 'redrive', RUN);
    expect(redriven.stdout).toContain(`${dead.length} dead letters of the run`);
    expect((await run(site, which, true)).records).toMatchObject({
      in: COUNT,
      saved: COUNT,
      dead: 0,
    });
    const all = await site.exported<HostileRecord>(RUN);
    expect(ownNumbers(all)).toEqual([...original.keys()]);
    for (const each of all) expect(each).toEqual(original.get(each.n));
  },
);
