import { FIRST_CHECKPOINT, NO_COUNTS, type RunProgress, type RunRequest } from '@leat/core';
import type { SourceChunk } from '@leat/sdk';
import { expect, test } from 'vitest';
import { RunBooks } from './run-books.ts';

const chunk: SourceChunk = {
  body: Buffer.from('1\n'),
  records: 1,
  position: { source: 'a', unit: 'line', first: 1 },
  nextCursor: 1,
};
const receipt = { chunk: '0', counts: { ...NO_COUNTS, in: 1 }, digest: '', fence: 1, buried: [] };

function books(): RunBooks {
  return new RunBooks({} as RunRequest, { ledger: FIRST_CHECKPOINT } as RunProgress);
}

test('a chunk is not sent before JetStream has it, each time anew', () => {
  const one = books();
  const sentAt = (): number | undefined => [...one.inFlight()][0]?.sentAt;
  const { seq, checksum } = one.send(chunk);
  expect([seq, sentAt()]).toEqual([0, Number.POSITIVE_INFINITY]);
  one.stored(0, chunk);
  expect(sentAt()).toBeLessThanOrEqual(performance.now());
  expect(one.resend(0, chunk)).toEqual({ checksum, resends: 1 });
  expect(sentAt()).toBe(Number.POSITIVE_INFINITY);
});

test('what is settled meanwhile is not sent again', () => {
  const one = books();
  one.send(chunk);
  one.take([receipt]);
  expect(one.resend(0, chunk)).toBeUndefined();
  one.redrives.add('0@0', 7);
  one.redrives.forget(['0@0']);
  expect(one.redrives.resend('0@0')).toBeUndefined();
});

test('what is lost again and again fails the run', () => {
  const one = books();
  one.send(chunk);
  one.redrives.add('0@0', 7);
  for (let resends = 1; resends <= 20; resends++) {
    expect(one.resend(0, chunk)).toMatchObject({ resends });
    expect(one.redrives.resend('0@0')).toBe(resends);
  }
  expect(() => one.resend(0, chunk)).toThrow(/^Chunk 0 was sent 21 times and lost each time/);
  expect(() => one.redrives.resend('0@0')).toThrow(/^The redriven record 0@0 was sent 21 times/);
});

test('a chunk that is read again and is another one is not sent', () => {
  const one = books();
  one.send(chunk);
  expect(() => one.resend(0, { ...chunk, body: Buffer.from('2\n') })).toThrow(
    expect.objectContaining({ code: 'source-changed' }),
  );
});

test('receipts say whether they came too early, are new, and which executions count', () => {
  const one = books();
  expect(one.take([receipt])).toEqual({ isPremature: true, isNew: false, executions: [] });
  one.send(chunk);
  const buried = ['x'];
  const [first, again] = [one.take([{ ...receipt, buried }]), one.take([{ ...receipt, buried }])];
  expect(first).toEqual({ isPremature: false, isNew: true, executions: ['x'] });
  expect(again).toEqual({ isPremature: false, isNew: false, executions: ['x'] });
});
