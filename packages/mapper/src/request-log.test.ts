import type { Logger } from '@leat/runtime';
import { fetcher, mapper, type Mapper } from '@leat/sdk';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { recordingLogger } from '../../../test/support/recording-logger.ts';
import type { Job } from './job.ts';
import { wantedUntil } from './watch.ts';
import { ChunkWorker } from './worker.ts';

const Numbered = z.object({ n: z.number() });

const common = {
  from: fetcher('numbers', {
    source: { kind: 'none', chunks: async function* () {} },
    schema: Numbered,
  }),
  schema: Numbered,
  retry: { attempts: 2, initialDelayMs: 1, maxDelayMs: 2 },
};

/** Of the lines 5 to 8 the second one was filtered before. */
const JOB: Job = {
  run: { id: 'run-1', pipeline: 'p', params: {} },
  limits: { chunkSize: 100, maxBytes: 1_000_000 },
  chunk: '7.0-2',
  body: Buffer.from('{"n":0}\n{"n":2}\n{"n":3}\n'),
  records: 3,
  position: { source: 'a.csv', unit: 'line', first: 5 },
  origins: [0, 2, 3],
};
const OF_CHUNK = { run: 'run-1', stage: 'work', chunk: '7.0-2' };

async function linesOf(stage: Mapper) {
  const logger = recordingLogger();
  await new ChunkWorker(stage, logger, undefined).work(
    JOB,
    wantedUntil(new AbortController().signal),
  );
  return logger.lines;
}

test('what a function logs has the id of its record', async () => {
  const stage = mapper('work', {
    ...common,
    map: (record, { logger, request }) => {
      logger.info({ said: request.id }, 'seen');
      return record;
    },
  });
  const ids = ['run-1/7/5', 'run-1/7/7', 'run-1/7/8'];
  expect(await linesOf(stage)).toMatchObject(
    ids.map((request) => ({ message: 'seen', fields: { ...OF_CHUNK, request, said: request } })),
  );
});

test('so has what is logged of a record that is tried again, and what recover logs', async () => {
  const stage = mapper('work', {
    ...common,
    map: (record) => {
      if (record.n === 2) throw new Error('bad');
      return record;
    },
    recover: (record, _, { logger }) => {
      logger.warn('giving another');
      return record;
    },
  });
  const fields: object = { ...OF_CHUNK, request: 'run-1/7/7' };
  expect(await linesOf(stage)).toMatchObject([
    { message: 'failed, trying again', fields },
    { message: 'giving another', fields },
    { message: 'recovered', fields },
  ]);
});

test('what is logged of many records at once has none', async () => {
  const stage = mapper('work', {
    ...common,
    mapChunk: (records, { logger, attempt }) => {
      logger.info('seen');
      if (attempt === 1) throw new Error('bad');
      return records;
    },
  });
  const lines = await linesOf(stage);
  expect(new Set(lines.map(({ message }) => message))).toEqual(
    new Set(['seen', 'failed, trying again']),
  );
  for (const { fields } of lines) {
    expect(fields).toMatchObject(OF_CHUNK);
    expect(fields).not.toHaveProperty('request');
  }
});

test('lines of a level that is left out cost no log of their own', async () => {
  const lines = recordingLogger();
  const made: object[] = [];
  const child = (fields: object): Logger => {
    made.push(fields);
    return { ...lines, level: 'warn', child };
  };
  const logger: Logger = { ...lines, level: 'warn', child };
  const stage = mapper('work', {
    ...common,
    map: (record, context) => {
      context.logger.debug('seen');
      if (record.n === 3) context.logger.error('bad');
      return record;
    },
  });
  await new ChunkWorker(stage, logger, undefined).work(
    JOB,
    wantedUntil(new AbortController().signal),
  );
  expect(made).toEqual([OF_CHUNK, { request: 'run-1/7/8' }]);
  expect(lines.at('error')).toEqual(['bad']);
  expect(lines.at('debug')).toEqual([]);
});
