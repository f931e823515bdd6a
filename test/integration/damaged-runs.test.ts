import { csv, ndjsonSource } from '@leat/connectors/files';
import { fetcher, mapper, pipeline, saver } from '@leat/sdk';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  asCsv,
  asNdjson,
  type DamagedFile,
  layouts,
  writeAll,
} from '../../packages/connectors/src/files/damaged-dataset.testsuite.ts';
import {
  simpleCsv,
  simpleNdjson,
  type SimpleReader,
} from '../../packages/connectors/src/files/simple-readers.testsuite.ts';
import { TemporaryFiles } from '../../packages/connectors/src/files/temporary-files.testsuite.ts';
import { newName, openPipeline, sharedServer } from '../support/jetstream.ts';
import { MemorySink, startFetcher, startStages } from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const { LEAT_FUZZ_CASES, LEAT_FUZZ_SEED } = process.env;
const CASES = Number(LEAT_FUZZ_CASES ?? 40);
const SEED = Number(LEAT_FUZZ_SEED ?? Date.now() % 1_000_000);

/** A fetcher looks at all open runs before it takes one up. */
const TIMEOUT_MS = 120_000 + CASES * 1_000;

const files = new TemporaryFiles();
const Row = z.object({ n: z.union([z.number(), z.string()]), s: z.string() });

interface Case {
  readonly run: string;
  readonly paths: readonly string[];
  /** What must be saved, and how many records become dead letters. */
  readonly saved: readonly string[];
  readonly dead: number;
  readonly isDamaged: boolean;
}

/** What must become of a dataset; nothing is said where gzip is at fault, since a part may come before. */
function outcomeOf(all: readonly DamagedFile[], read: SimpleReader): Omit<Case, 'run' | 'paths'> {
  const saved: string[] = [];
  let dead = 0;
  for (const { content } of all) {
    const { records, isDamaged } = read(content ?? Buffer.alloc(0), Number.POSITIVE_INFINITY);
    for (const { line } of records) {
      const record = line === undefined ? undefined : recordIn(line);
      if (record === undefined) dead++;
      else saved.push(record);
    }
    if (isDamaged || content === undefined) return { saved, dead, isDamaged: true };
  }
  return { saved, dead, isDamaged: false };
}

/** The record as it must be saved; `undefined` if it is none. */
function recordIn(line: Buffer): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line);
    const parsed = Row.safeParse(JSON.parse(text));
    return parsed.success ? JSON.stringify(parsed.data) : undefined;
  } catch {
    return undefined;
  }
}

function casesOf(write: Parameters<typeof writeAll>[2], read: SimpleReader): Case[] {
  return fc.sample(layouts, { seed: SEED, numRuns: CASES }).map((layout, index) => {
    const all = writeAll(files, layout, write, `${write.name}-${index}`);
    const paths = all.map(({ path }) => path);
    return { run: `run-${index}`, paths, ...outcomeOf(all, read) };
  });
}

describe.each([
  { format: ndjsonSource, write: asNdjson, read: simpleNdjson },
  { format: csv, write: asCsv, read: simpleCsv },
])('damaged files read by $format.name', ({ format, write, read }) => {
  const server = sharedServer(undefined);

  test(
    `end in the sink, in the dead letters or in a failed run (LEAT_FUZZ_SEED=${SEED})`,
    async () => {
      const cases = casesOf(write, read);
      const sinks = new Map(cases.map(({ run }) => [run, new MemorySink()]));
      const lines = fetcher('lines', {
        source: ({ params }) => format(JSON.parse(params['paths'] ?? '') as string[]),
        schema: Row,
        chunkSize: 3,
      });
      const stage = mapper('work', { from: lines, schema: Row, map: (record) => record });
      const out = saver('out', { from: stage, sink: ({ id }) => sinks.get(id) as MemorySink });
      const definition = pipeline(newName(), { savers: [out] });
      const { name, spec } = definition;
      const open = await openPipeline(server(), spec);
      for (const { run, paths } of cases) {
        const params = { paths: JSON.stringify(paths) };
        const createdAt = new Date().toISOString();
        await open.connection.runs.create({ run, pipeline: name, params, spec, createdAt });
      }
      const line = { pipeline: definition, mapper: stage, sink: new MemorySink() };
      startStages(open, line);
      const { reports } = startFetcher(open, line);
      await until('all runs have ended', () => reports.length === CASES, TIMEOUT_MS - 10_000);
      for (const { run, paths, saved, dead, isDamaged } of cases) {
        const report = reports.find((each) => each.run === run);
        const chunks = [...(sinks.get(run)?.chunks.entries() ?? [])];
        const found = chunks
          .toSorted(([a], [b]) => Number(a) - Number(b))
          .flatMap(([, { body }]) => Buffer.from(body).toString().split('\n').slice(0, -1));
        const complete = dead > 0 ? 'completed-with-dead-letters' : 'completed';
        const books = { in: found.length + (report?.records.dead ?? 0), saved: found.length };
        expect({ paths, ...report }).toMatchObject({
          paths,
          state: isDamaged ? 'failed' : complete,
          records: { ...books, filtered: 0 },
        });
        const isCertain = !isDamaged || !paths.some((path) => path.endsWith('.gz'));
        if (isCertain) expect(report?.records.dead).toBe(dead);
        expect(isCertain ? found : found.slice(0, saved.length)).toEqual(saved);
      }
    },
    TIMEOUT_MS,
  );
});
