import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NumberRule, RunReport } from '@leat/core';
import { csv, ndjsonSink, ndjsonSource } from '@leat/connectors/files';
import { generate } from '@leat/connectors/memory';
import { runPipeline } from '@leat/host';
import { findNatsServer, type NatsServer, startNatsServer } from '@leat/nats-server';
import { type Fetcher, mapper, fetcher, pipeline, saver, type Source } from '@leat/sdk';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { tempDir } from '../support/temp-dir.ts';

/** What the four ways to a sink have saved, which differ by who reads the fetcher first. */
interface Saved {
  readonly report: RunReport;
  /** A saver. */
  readonly kept: readonly string[];
  /** A filter. */
  readonly passed: readonly string[];
  /** A function that touches nothing. */
  readonly mapped: readonly string[];
  /** One that adds nothing. */
  readonly enriched: readonly string[];
}

let server: NatsServer;

beforeAll(async () => {
  server = await startNatsServer({ binary: await findNatsServer() });
});

afterAll(() => server.stop());

async function run(
  name: string,
  source: (dir: string) => Source<unknown> | Promise<Source<unknown>>,
  options: Pick<Fetcher, 'schema'> & { readonly numbers?: NumberRule },
): Promise<Saved> {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const from = fetcher('records', { source: (await source(dir.path)) as Source, ...options });
  const same = mapper('same', { from, ...options, map: (record) => record });
  const pass = mapper('pass', { from, filter: () => true });
  const more = mapper('more', { from, enrich: () => ({}) });
  const out = (folder: string) => ndjsonSink(join(dir.path, folder));
  const savers = [
    saver('kept', { from, sink: out('kept') }),
    saver('passed', { from: pass, sink: out('passed') }),
    saver('mapped', { from: same, sink: out('mapped') }),
    saver('enriched', { from: more, sink: out('enriched') }),
  ];
  const report = await runPipeline(pipeline(name, { savers }), {
    connection: { servers: server.url },
    run: 'r1',
    stateDir: dir.path,
  });
  const saved = async (folder: string): Promise<string[]> => {
    const path = join(dir.path, folder, 'r1');
    const files = (await readdir(path)).filter((file) => file.endsWith('.ndjson')).toSorted();
    const texts = await Promise.all(files.map((file) => readFile(join(path, file), 'utf8')));
    return texts.flatMap((text) => text.split('\n').slice(0, -1));
  };
  return {
    report,
    kept: await saved('kept'),
    passed: await saved('passed'),
    mapped: await saved('mapped'),
    enriched: await saved('enriched'),
  };
}

const LINES = [
  '{"id":9007199254740993,"price":1.10}',
  '{"id":1608521604143693812,"price":123456789012345.678}',
  '{"id":3,"extra":{"n":1e400}}',
  '{"id":4, "price":1.10}',
];
const [BIG = '', , , PLAIN = ''] = LINES;
const ROUNDED = [
  '{"id":9007199254740992,"price":1.1}',
  '{"id":1608521604143693800,"price":123456789012345.67}',
];
const TEXTS = [
  '{"id":"9007199254740993","price":1.1}',
  '{"id":"1608521604143693812","price":"123456789012345.678"}',
  '{"id":3,"extra":{"n":"1e400"}}',
];

test.each<[NumberRule, Omit<Saved, 'report'>]>([
  ['exact', { kept: LINES, passed: [PLAIN], mapped: ['{"id":4,"price":1.1}'], enriched: LINES }],
  [
    'text',
    {
      kept: [...TEXTS, PLAIN],
      passed: [...TEXTS, PLAIN],
      mapped: [...TEXTS, '{"id":4,"price":1.1}'],
      enriched: [...TEXTS, PLAIN],
    },
  ],
  [
    'bigint',
    {
      kept: LINES,
      passed: [BIG, PLAIN],
      mapped: ['{"id":9007199254740993,"price":1.1}', '{"id":4,"price":1.1}'],
      enriched: LINES,
    },
  ],
  [
    'lossy',
    {
      kept: [...ROUNDED, PLAIN],
      passed: [...ROUNDED, PLAIN],
      mapped: [...ROUNDED, '{"id":4,"price":1.1}'],
      enriched: LINES,
    },
  ],
])('numbers are never rounded in silence: %s', async (numbers, expected) => {
  const source = async (dir: string): Promise<Source<unknown>> => {
    const file = join(dir, 'numbers.ndjson');
    await writeFile(file, LINES.map((line) => `${line}\n`).join(''));
    return ndjsonSource(file);
  };
  const { report, ...saved } = await run(`numbers-${numbers}`, source, {
    schema: z.any(),
    numbers,
  });
  expect(saved).toEqual(expected);
  const { expanded, saved: stored, dead } = report.records;
  expect(expanded).toBe(3 * LINES.length);
  expect(stored).toBe(Object.values(saved).flat().length);
  expect(dead).toBe(4 * LINES.length - stored);
});

test('a record is what its schema makes of it, on every way to a sink', async () => {
  const source = async (dir: string): Promise<Source<unknown>> => {
    const file = join(dir, 'rows.csv');
    await writeFile(file, 'at,more\nfalse,x\n,y\n');
    return csv(file);
  };
  const schema = z.object({ at: z.coerce.boolean(), n: z.int().default(7) });
  const { report, ...saved } = await run('one-rule', source, { schema });
  const lines = ['{"at":true,"n":7}', '{"at":false,"n":7}'];
  expect(saved).toEqual({ kept: lines, passed: lines, mapped: lines, enriched: lines });
  expect(report.records).toMatchObject({ in: 2, saved: 8, dead: 0 });
});

test('what is a promise by its shape is waited for in a source', async () => {
  const query = (id: number): unknown => ({
    sql: `select ${id}`,
    // oxlint-disable-next-line unicorn/no-thenable -- what it is about
    then: (done: (row: unknown) => void) => done({ id }),
  });
  const { report, ...saved } = await run('thenable', () => generate(3, query), { schema: z.any() });
  const lines = ['{"id":0}', '{"id":1}', '{"id":2}'];
  expect(saved).toEqual({ kept: lines, passed: lines, mapped: lines, enriched: lines });
  expect(report.state).toBe('completed');
});

test('a source or sink that is a promise is said to be one', async () => {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const [schema, source, sink] = [
    z.int(),
    generate(1, (n) => n),
    ndjsonSink(join(dir.path, 'out')),
  ];
  const options = { connection: { servers: server.url }, stateDir: dir.path };
  const later = fetcher('later', { source: (async () => source) as never, schema });
  const noSource = pipeline('no-source', { savers: [saver('out', { from: later, sink })] });
  await expect(runPipeline(noSource, options)).rejects.toThrow(
    'The source of the fetcher later cannot be made: the function gives a promise.',
  );
  const from = fetcher('numbers', { source, schema });
  const out = saver('out', { from, sink: (async () => sink) as never });
  await expect(runPipeline(pipeline('no-sink', { savers: [out] }), options)).rejects.toThrow(
    'has no sink for the run',
  );
});
