import { NO_COUNTS } from '@leat/core';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ChunkOutcome } from '../meter.ts';
import { StageTelemetry } from '../telemetry.ts';
import type { Delivery } from './delivery.ts';
import { InlineStages, NotDone } from './inline-stages.ts';

const envelope = {
  run: 'r',
  chunk: { seq: 4, path: '.1-2' },
  counts: { ...NO_COUNTS, in: 1 },
  position: { source: 'a', unit: 'line', first: 1 },
  sending: '',
} as const;
const parent = { deliveries: 3, limitBlock: () => () => undefined };

/** A chunk that is handed over, and what its stage sees of it. */
function start() {
  const taken: Delivery[] = [];
  const outcomes: ChunkOutcome[] = [];
  const meter = () => ({
    take: () => undefined,
    settle: (outcome: ChunkOutcome) => outcomes.push(outcome),
    work: () => undefined,
    bury: () => undefined,
  });
  const stages = new InlineStages();
  stages.add('files', {
    take: (delivery) => taken.push(delivery),
    telemetry: new StageTelemetry('files', { meter }),
  });
  const done = stages.handOver('files', parent, envelope, Buffer.from('1\n'));
  let end = 'none';
  const settled = done.then(
    () => (end = 'done'),
    (error: unknown) => {
      end = error instanceof NotDone ? `${error.outcome} ${error.delayMs}` : String(error);
    },
  );
  const [delivery] = taken as [Delivery];
  return { stages, taken, outcomes, delivery, settled, end: () => end };
}

test('a chunk is handed over as it would come from a queue, and waited for', async () => {
  const { delivery, outcomes, settled, end } = start();
  expect(delivery).toMatchObject({ id: '4.1-2', deliveries: 3, envelope });
  await setImmediate();
  expect(end()).toBe('none');
  delivery.ack();
  await settled;
  expect([end(), outcomes]).toEqual(['done', ['done']]);
});

test.each<[string, (delivery: Delivery) => void, string]>([
  ['given back at once', ({ giveBack }) => giveBack(), 'given-back 0'],
  ['given back for a while', ({ giveBack }) => giveBack(700), 'given-back 700'],
  ['dropped', ({ drop }) => drop('cancelled'), 'dropped 0'],
])('one that is %s is not done', async (_, settle, expected) => {
  const { delivery, outcomes, settled, end } = start();
  settle(delivery);
  // A group is given back as a whole, also what was settled before.
  delivery.ack();
  delivery.giveBack(9);
  await settled;
  expect([end(), outcomes.length]).toEqual([expected, 1]);
});

test('one that is parked stays in this process, and comes again when the wait is over', async () => {
  const { delivery, taken, outcomes, settled, end } = start();
  const over = new AbortController();
  delivery.park(over.signal);
  await setImmediate();
  expect([taken.length, end(), outcomes]).toEqual([1, 'none', []]);
  over.abort();
  expect(taken).toHaveLength(1);
  await setImmediate();
  expect(taken).toHaveLength(2);
  taken[1]?.park(over.signal);
  expect(taken).toHaveLength(2);
  await setImmediate();
  expect(taken).toHaveLength(3);
  taken[2]?.ack();
  await settled;
  expect([end(), outcomes]).toEqual(['done', ['done']]);
});

test('a stage that is not hosted, or throws, is not done', async () => {
  const { stages } = start();
  expect([stages.has('files'), stages.has('others')]).toEqual([true, false]);
  await expect(stages.handOver('others', parent, envelope, new Uint8Array())).rejects.toThrow(
    'The stage others is not worked on here.',
  );
});
