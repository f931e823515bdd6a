import { BusyError, describeThrown, TerminalError, type ThrownDescription } from '@leat/core';
import { fetcher, mapper, type Mapper, type RecordFailure, type StageContext } from '@leat/sdk';
import { createLogger, type Logger } from '@leat/runtime';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { recordingLogger } from '../../../test/support/recording-logger.ts';
import type { Job } from './job.ts';
import { wantedUntil } from './watch.ts';
import { ChunkWorker } from './worker.ts';

const Numbered = z.object({ n: z.number() });
type Record_ = z.infer<typeof Numbered>;

const common = {
  from: fetcher('numbers', {
    source: { kind: 'none', chunks: async function* () {} },
    schema: Numbered,
  }),
  schema: Numbered,
  retry: { attempts: 3, initialDelayMs: 1, maxDelayMs: 2 },
};
const NEVER = new AbortController().signal;
const SILENT = createLogger({ format: 'json', level: 'silent' });

/** Records 0 to 4, of which the second fails, and then one that does not fit. */
const JOB: Job = {
  run: { id: 'run-1', pipeline: 'p', params: {} },
  limits: { chunkSize: 100, maxBytes: 1_000_000 },
  chunk: '7',
  body: Buffer.from('{"n":0}\n{"n":1}\n{"n":2}\n{"n":"x"}\n'),
  records: 4,
  position: { source: 'a.csv', unit: 'line', first: 1 },
};

async function work(
  stage: Mapper,
  { signal = NEVER, logger = SILENT }: { signal?: AbortSignal; logger?: Logger } = {},
) {
  const worker = new ChunkWorker(stage, logger, undefined);
  const { pieces, ...rest } = await worker.work(JOB, wantedUntil(signal));
  return { text: pieces.map(({ body }) => Buffer.from(body).toString()).join(''), ...rest };
}

function fail({ n }: Record_): void {
  if (n === 1) throw new Error('bad');
}

const later = async <T>(value: T): Promise<T> => value;

test.each<[string, Mapper, string, object]>([
  [
    'map, at once',
    mapper('work', {
      ...common,
      map: (record) => (fail(record), record),
      recover: ({ n }) => ({ n: -n }),
    }),
    '{"n":0}\n{"n":-1}\n{"n":2}\n',
    {},
  ],
  [
    'map, later',
    mapper('work', {
      ...common,
      map: async (record) => (fail(record), record),
      recover: ({ n }) => later({ n: -n }),
    }),
    '{"n":0}\n{"n":-1}\n{"n":2}\n',
    {},
  ],
  [
    'flatMap',
    mapper('work', {
      ...common,
      flatMap: (record) => (fail(record), [record]),
      async *recover({ n }) {
        yield { n };
        yield { n: -n };
      },
    }),
    '{"n":0}\n{"n":1}\n{"n":-1}\n{"n":2}\n',
    { expanded: 1 },
  ],
  [
    'flatMap, of which nothing comes',
    mapper('work', {
      ...common,
      flatMap: (record) => (fail(record), [record]),
      recover: () => [],
    }),
    '{"n":0}\n{"n":2}\n',
    { filtered: 1 },
  ],
  [
    'enrich',
    mapper('work', {
      ...common,
      schema: z.object({ price: z.number().nullable() }),
      enrich: (record) => (fail(record), { price: 5 }),
      recover: () => ({ price: null }),
    }),
    '{"n":0,"price":5}\n{"n":1,"price":null}\n{"n":2,"price":5}\n',
    {},
  ],
  [
    'filter',
    mapper('work', {
      from: common.from,
      retry: common.retry,
      filter: (record) => (fail(record), record.n > 0),
      recover: () => true,
    }),
    '{"n":1}\n{"n":2}\n',
    { filtered: 1 },
  ],
  [
    'mapChunk',
    mapper('work', {
      ...common,
      mapChunk: (records) => (records.forEach(fail), records),
      recover: ({ n }) => later({ n: -n }),
    }),
    '{"n":0}\n{"n":-1}\n{"n":2}\n',
    {},
  ],
])('gives the result of a record that would be given up: %s', async (_, stage, text, counts) => {
  const done = await work(stage);
  expect(done.text).toBe(text);
  expect(done).toMatchObject({ expanded: 0, filtered: 0, recovered: 1, ...counts });
  // What does not fit the schema is not the function's failure.
  expect(done.dead.map(({ error }) => error.name)).toEqual(['InvalidRecord']);
});

test('is given the record as it arrived, the letter-to-be and the context, and is logged', async () => {
  const given: [Record_, RecordFailure, StageContext][] = [];
  const logger = recordingLogger();
  const stage = mapper('work', {
    ...common,
    map: (record) => {
      fail(record);
      record.n += 100;
      if (record.n === 102) throw Object.assign(new RangeError('why'), { code: 'E1' });
      return record;
    },
    recover: (record, failure, context) => {
      given.push([record, failure, context]);
      return record;
    },
  });
  const { text, retries } = await work(stage, { logger });
  expect(text).toBe('{"n":100}\n{"n":1}\n{"n":2}\n');
  expect(retries).toBe(4);
  const [record, failure, context] = given.find(([{ n }]) => n === 2) ?? [];
  expect(record).toEqual({ n: 2 });
  expect(failure).toMatchObject({
    error: { name: 'RangeError', message: 'why', code: 'E1', stack: expect.any(String) },
    attempts: 3,
  });
  expect(context).toMatchObject({ chunk: '7', position: 'line 3 of a.csv', attempt: 3 });
  const said = logger.lines.filter(({ message }) => message === 'recovered');
  expect(said.map(({ level, fields }) => ({ level, ...fields }))).toMatchObject([
    { level: 'debug', run: 'run-1', stage: 'work', chunk: '7', attempts: 3 },
    { level: 'debug', err: { message: 'why' } },
  ]);
});

function messagesOf(error: ThrownDescription | undefined): string[] {
  return error === undefined ? [] : [error.message, ...messagesOf(error.cause)];
}

test.each<[string, (failure: RecordFailure) => unknown, unknown[]]>([
  [
    'throws',
    () => {
      throw new Error('worse', { cause: new Error('between') });
    },
    ['worse', 'between', 'bad'],
  ],
  [
    'throws what it was given as the cause',
    ({ error }) => {
      throw new Error('worse', { cause: error });
    },
    ['worse', 'bad'],
  ],
  [
    'throws what it was given',
    ({ error }) => {
      throw error;
    },
    ['bad'],
  ],
  ['gives what does not fit', () => ({ n: 'x' }), [expect.stringContaining('does not fit'), 'bad']],
  ['is rejected', () => Promise.reject(new TerminalError('no')), ['no', 'bad']],
])('the record is dead after all when it %s', async (_, recover, messages) => {
  let calls = 0;
  const stage = mapper('work', {
    ...common,
    map: (record) => (fail(record), record),
    recover: (__, failure) => {
      calls++;
      return recover(failure) as Record_;
    },
  });
  const { text, dead, recovered } = await work(stage);
  expect([text, recovered, calls]).toEqual(['{"n":0}\n{"n":2}\n', 0, 1]);
  expect(dead).toMatchObject([{ index: 1, attempts: 3 }, { index: 3 }]);
  expect(messagesOf(dead[0]?.error)).toEqual(messages);
});

test('is called again after somebody was busy, and only then', async () => {
  let calls = 0;
  const stage = mapper('work', {
    ...common,
    map: (record) => (fail(record), record),
    recover: (record) => {
      if (++calls < 5) throw new BusyError('busy');
      return record;
    },
  });
  const { recovered, retries } = await work(stage);
  expect([recovered, calls, retries]).toEqual([1, 5, 2]);
});

test('ends with its chunk when that is not wanted any more', async () => {
  const abort = new AbortController();
  const stage = mapper('work', {
    ...common,
    map: (record) => (fail(record), record),
    recover: () => {
      abort.abort(new Error('enough'));
      return new Promise<never>(() => undefined);
    },
  });
  await expect(work(stage, { signal: abort.signal })).rejects.toThrow('enough');
});

test('alone is called for a record that was given up elsewhere', async () => {
  const stage = mapper('work', {
    ...common,
    map: () => {
      throw new Error('the function is called');
    },
    recover: ({ n }, { error }) => ({ n: n + error.message.length }),
  });
  const failure = { error: describeThrown(new Error('four')), attempts: 2 };
  const job = { ...JOB, body: Buffer.from('{"n":1}\n'), records: 1, failure };
  const worker = new ChunkWorker(stage, SILENT, undefined);
  const { outcomes, recovered } = await worker.workOn(job, wantedUntil(NEVER));
  expect([outcomes, recovered]).toEqual([['{"n":5}'], 1]);
});
