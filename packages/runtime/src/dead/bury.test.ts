import { describeThrown, formatAgeOf } from '@leat/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Publishing } from '../jetstream/publisher.ts';
import { bury, type DeadRecord } from './bury.ts';
import { type DeadLetter, isDeadLetter } from './dead-letter.ts';

const MAX_PAYLOAD = 64 * 1024;
const CHUNK = { run: 'r1', chunk: { seq: 7, path: '' }, sending: '' };

/** What is put on the stream for a record. */
async function stored(record: DeadRecord): Promise<Uint8Array> {
  const bodies: Uint8Array[] = [];
  const publish = async (_: string, body: Uint8Array): Promise<void> => void bodies.push(body);
  const connection = { spec: { name: 'p' }, maxPayload: MAX_PAYLOAD, publisher: { publish } };
  const place = { stage: 's', chunk: CHUNK, execution: 'e1' };
  const { signal } = new AbortController();
  await bury(connection as unknown as Publishing, place, [record], signal);
  return bodies[0] as Uint8Array;
}

const RECORD: DeadRecord = {
  index: 0,
  position: 'line 1 of a',
  attempts: 1,
  error: { name: 'Error', message: 'no' },
  record: '{"n":1}',
};

test('whatever was thrown, and whatever the record, its letter fits, and is one when it is read', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.integer({ min: 1, max: 200_000 }).map((length) => '\u0000é"'.repeat(length)),
  );
  const thrown = fc.oneof(
    fc.anything({ withBigInt: true }),
    fc.tuple(text, text).map(([message, cause]) => new Error(message, { cause })),
  );
  const property = fc.asyncProperty(thrown, text, text, async (error, record, position) => {
    const body = await stored({ ...RECORD, error: describeThrown(error), record, position });
    expect(body.length).toBeLessThan(MAX_PAYLOAD);
    const letter: unknown = JSON.parse(Buffer.from(body).toString());
    expect([isDeadLetter(letter), formatAgeOf('letter', letter)]).toEqual([true, 'mine']);
    const { record: kept, isCut = false } = letter as DeadLetter;
    expect(isCut ? record.startsWith(kept) && kept.length < record.length : kept === record).toBe(
      true,
    );
  });
  await fc.assert(property, { numRuns: 200 });
});

test('of a record that is longer than any text of it as JSON could be, the beginning is kept', async () => {
  // As JSON it has six times the length, and no text is that long.
  const record = '\u0001'.repeat(100_000_000);
  const letter = JSON.parse(
    Buffer.from(await stored({ ...RECORD, record })).toString(),
  ) as DeadLetter;
  expect(letter).toMatchObject({ isCut: true, error: RECORD.error });
  expect(record.startsWith(letter.record)).toBe(true);
});
