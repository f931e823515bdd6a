import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ndjsonSink, ndjsonSource } from '@leat/connectors/files';
import { postgres } from '@leat/connectors/postgres';
import { startLocalRun } from '@leat/host';
import { connect } from '@leat/operate';
import { fetcher, linesOf, mapper, pipeline, saver, type Sink, type Stage } from '@leat/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { exactJson } from '../support/exact-json.ts';
import { MemorySink } from '../support/memory-pipeline.ts';
import { type TestPostgres, startPostgres } from '../support/postgres.ts';
import { byteCases, jsonCases, naughtyStrings } from '../support/public-suites.ts';
import { tempDir } from '../support/temp-dir.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server[Symbol.asyncDispose]());

const Case = z.object({ i: z.int(), v: z.any(), s: z.string() });

/** A line for each case of each suite: as JSON, as a text, and as what it is. */
const lines = [
  ...jsonCases.map(({ text }) => text).filter((text) => !text.trim().includes('\n')),
  ...naughtyStrings.map((text) => JSON.stringify(text)),
  ...naughtyStrings,
]
  .map((text, i) => `{"i":${i},"v":${text.trim()},"s":""}`)
  .concat(naughtyStrings.map((text, i) => `{"i":${10_000 + i},"v":0,"s":${JSON.stringify(text)}}`));

/** Lines that are not UTF-8, by their numbers. */
const rawLines = new Map(
  byteCases.map(({ bytes }, at) => {
    const before = `{"i":${20_001 + 2 * at},"v":`;
    const line = Buffer.concat([Buffer.from(before), bytes, Buffer.from(',"s":""}\n')]);
    return [numberOf(exactJson(`${before}0}`)), line] as const;
  }),
);

/** What each line says, by its number; without those that say nothing. */
const expected = new Map(
  lines.map(exactJson).flatMap((value) => (value === undefined ? [] : [[numberOf(value), value]])),
);

function numberOf(value: unknown): string {
  return (value as { readonly i: { readonly number: string } }).i.number;
}

test('every case of the public suites arrives in every sink as it was, or is a dead letter', async () => {
  await using dir = await tempDir();
  const file = join(dir.path, 'cases.ndjson');
  const texts = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  await writeFile(file, Buffer.concat([texts, ...rawLines.values()]));
  const cases = fetcher('cases', { source: ndjsonSource(file), schema: Case, chunkSize: 50 });
  const same = mapper('same', { from: cases, schema: Case, map: (record) => record });
  const saversOf = (from: typeof cases | typeof same): ReturnType<typeof saver>[] => [
    saver(`${from.name}-lines`, { from, sink: ndjsonSink(join(dir.path, from.name)) }),
    saver(`${from.name}-memory`, { from, sink: new MemorySink() as Sink }),
    saver(`${from.name}-rows`, { from, sink: postgres({ url: server.url, table: from.name }) }),
  ];
  const suites = pipeline('suites', {
    savers: [...saversOf(cases), ...saversOf(same)],
    maxDeadRecords: '100%',
  });
  await using local = await startLocalRun(suites, { stateDir: join(dir.path, 'state') });
  const { report, error } = await local.ended;
  expect(error).toBeUndefined();
  expect(report?.state).toBe('completed-with-dead-letters');
  await using leat = await connect({ servers: local.url });
  expect((await leat.verify(local.run, suites)).findings).toEqual([]);
  let saved = 0;
  for (const { name, kind } of suites.stages as readonly Stage[]) {
    if (kind !== 'saver') continue;
    const found: unknown[] = [];
    for await (const { body } of leat.export(local.run, suites, { saver: name })) {
      for (const line of linesOf(body)) {
        const value = exactJson(Buffer.from(line).toString());
        const raw = rawLines.get(numberOf(value));
        if (raw === undefined) found.push(value);
        else expect({ name, line: Buffer.from(line) }).toEqual({ name, line: raw });
      }
    }
    for (const value of found)
      expect({ name, found: value }).toEqual({ name, found: expected.get(numberOf(value)) });
    expect(new Set(found.map(numberOf)).size).toBe(found.length);
    // Nearly all that is JSON can be saved: no sink gets through by refusing.
    expect(found.length).toBeGreaterThan(expected.size - 40);
    saved += found.length;
  }
  expect(report?.records.saved).toBe(saved);

  // What is away is not what is empty.
  await server.stop();
  await expect(leat.verify(local.run, suites)).rejects.toMatchObject({ code: 'unreachable' });
});
