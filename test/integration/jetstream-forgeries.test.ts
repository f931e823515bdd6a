import { deadSubject, receiptsSubject, stageSubject } from '@leat/core';
import { type DeadLetter, readDeadLetters } from '@leat/runtime';
import { headers } from '@nats-io/transport-node';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bodyOf, openPipeline, type OpenPipeline, sharedServer } from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const { LEAT_FUZZ_CASES, LEAT_FUZZ_SEED } = process.env;
const CASES = Number(LEAT_FUZZ_CASES ?? 300);
const SEED = Number(LEAT_FUZZ_SEED ?? Date.now() % 1_000_000);

/** A header's value as Leat writes it, and some that it never does. */
const HEADERS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  'Leat-Chunk': [
    '7',
    '',
    '07',
    '-1',
    'NaN',
    '1e3',
    '7.0-1',
    '7.2-2',
    '7.00-2',
    '9999999999999999',
    '\u0667',
    '7'.repeat(5_000),
    `7${'.0-2'.repeat(8_000)}`,
    '../../7',
  ],
  'Leat-Counts': [
    '3/0/0/0/0',
    '',
    '3',
    '-3/0/0/0/0',
    'NaN/0/0/0/0',
    '3/0/0/0',
    '3/0/0/0/0/0',
    '3.0/0/0/0/0',
    '0/0/3/0/0',
    '4/0/0/0/0',
    '999999999999999/0/0/0/0',
    '999999999999999999999999/0/0/0/0',
    '3e0/0/0/0/0',
  ],
  'Leat-Position': [
    'record 21 of numbers',
    '',
    'record',
    'record -1 of numbers',
    'page 3 of numbers',
    'record 99999999999999999999 of numbers',
    '%',
    '%ff of %fe',
  ],
  'Leat-Origins': [
    '',
    '0',
    '0-1',
    '0-3',
    '0*999999999',
    '0-999999999',
    '3-1',
    '1,2,x',
    ','.repeat(5_000),
    '-1,0,1',
  ],
  'Leat-Sending': ['', 'x y', '1'.repeat(5_000), '\u00e9', '1.1+2.2'],
  'Leat-Division': ['', '!', 'x', '1'.repeat(9), 'x'.repeat(5_000)],
  'Leat-Buried': ['', '!', ',', 'x'.repeat(5_000)],
  'Leat-Body': ['', 'run-1/out/run-1.7', 'nowhere', '../..', 'x'.repeat(5_000), '*.>'],
};

/** A body of another number of lines than the books say, or one that is no text. */
const bodies = fc.constantFrom<Uint8Array>(
  new Uint8Array(),
  bodyOf(2),
  bodyOf(10_000),
  Buffer.from('{"n":1}\n{"n":2}\n{"n":3}'),
  Buffer.alloc(300, 0xff),
  Buffer.alloc(300_000),
);

/** A message that Leat cannot have written: at least one thing is wrong. */
const forgedChunk = fc
  .record({
    stage: fc.constantFrom('work', 'out'),
    run: fc.constantFrom('run-1', 'run-1', 'nobodys-run'),
    wrong: fc.uniqueArray(fc.constantFrom(...Object.keys(HEADERS), 'body', 'none'), {
      minLength: 1,
      maxLength: 3,
    }),
    pick: fc.nat(),
    body: bodies,
  })
  .map(({ stage, run, wrong, pick, body }) => {
    const fields: [string, string][] = Object.entries(HEADERS).map(([name, values]) => {
      const [good, ...bad] = values;
      return [name, wrong.includes(name) ? (bad[pick % bad.length] as string) : good];
    });
    return {
      stage,
      run,
      fields: wrong.includes('none') ? [] : fields.filter(([, value]) => value !== ''),
      body: wrong.includes('body') ? body : bodyOf(3),
    };
  });

/** What is no line of a receipt. */
const BAD_RECEIPTS: readonly string[] = [
  '',
  'x',
  '7',
  '7 10/0/0/0/0',
  `7 10/0/0/0/0 ${'g'.repeat(32)} 0`,
  `7 -1/0/0/0/0 ${'0'.repeat(32)} 0`,
  `7 10/0/11/0/0 ${'0'.repeat(32)} 0`,
  `7 10/0/0/0/0 ${'0'.repeat(31)} 0`,
  `7 10/0/0/0/0 ${'0'.repeat(32)} -1`,
  `7 10/0/0/0/0 ${'0'.repeat(32)} 1e99`,
  `7.5-2 10/0/0/0/0 ${'0'.repeat(32)} 0`,
  `7${'.0-2'.repeat(50_000)} 10/0/0/0/0 ${'0'.repeat(32)} 0`,
  'x\n'.repeat(10_000),
  '\0'.repeat(500_000),
  '\u00ff\u00fe'.repeat(100),
];

async function forgeChunks({ connection }: OpenPipeline, seed: number): Promise<void> {
  for (const { stage, run, fields, body } of fc.sample(forgedChunk, { seed, numRuns: CASES })) {
    const header = headers();
    for (const [key, value] of fields) header.set(key, value);
    const subject = stageSubject(connection.spec.name, stage, run);
    await connection.client.publish(subject, body, { headers: header });
  }
}

async function forgeReceipts({ connection }: OpenPipeline): Promise<void> {
  const subject = receiptsSubject(connection.spec.name, 'run-1');
  for (const text of BAD_RECEIPTS) {
    await connection.client.publish(subject, Buffer.from(text, 'latin1'));
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe('forged messages', () => {
  const server = sharedServer(undefined);

  test(`that Leat cannot have written change nothing (LEAT_FUZZ_SEED=${SEED})`, async () => {
    const line = memoryPipeline(20_000, { map: (record) => record }, 10);
    const open = await openPipeline(server(), line.pipeline.spec);
    await createRun(open, line);
    await forgeChunks(open, SEED);
    await forgeReceipts(open);
    startStages(open, line);
    const { reports } = startFetcher(open, line);
    const forging = forgeChunks(open, SEED + 1).then(() => forgeReceipts(open));
    await until('the run has ended', () => reports.length === 1, 150_000);
    await forging;
    expect(reports[0]).toMatchObject({
      state: 'completed',
      records: { in: 20_000, saved: 20_000 },
    });
    expect(line.sink.numbers).toEqual(upTo(20_000));
    expect(open.logger.at('error')).toContain('message not understood');
    expect(open.logger.at('error')).toContain('receipt not understood');
    expect(open.logger.at('warn')).toContain('large body is gone, message dropped');
  });

  test('on the stream of dead letters are left out, one by one', async () => {
    const open = await openPipeline(server());
    const { name: pipeline } = open.connection.spec;
    const good: DeadLetter = {
      pipeline,
      run: 'run-1',
      stage: 'work',
      chunk: '7',
      index: 0,
      position: 'record 70 of numbers',
      attempts: 1,
      error: { name: 'Error', message: 'no' },
      record: '{}',
      at: new Date(0).toISOString(),
    };
    const bad: readonly unknown[] = [
      null,
      42,
      [good],
      { ...good, run: 'run-2' },
      { ...good, index: '0' },
      { ...good, attempts: 1.5 },
      { ...good, record: { n: 1 } },
      { ...good, error: null },
      { ...good, error: { name: 'Error', message: ['no'] } },
      { ...good, error: { ...good.error, stack: 42 } },
      { ...good, execution: {} },
      { ...good, isCut: 'no' },
    ];
    const strange = [
      '',
      '\u00ff',
      '{',
      'x'.repeat(900_000),
      ...bad.map((each) => JSON.stringify(each)),
    ];
    for (const body of [...strange, JSON.stringify(good)]) {
      const bytes = Buffer.from(body, 'latin1');
      await open.connection.client.publish(deadSubject(pipeline, 'run-1'), bytes);
    }
    const left: number[] = [];
    const found: DeadLetter[] = [];
    for await (const letter of readDeadLetters(open.connection, { pipeline }, (_, seq) => {
      left.push(seq);
    })) {
      found.push(letter);
    }
    expect(found).toEqual([good]);
    expect(left).toEqual(strange.map((_, n) => n + 1));
  });
});
