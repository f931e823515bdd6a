import { LeatError } from '@leat/core';
import { expect, test } from 'vitest';
import { Outbox } from './outbox.ts';
import { RunLife } from './run-life.ts';

const settled = (): Promise<unknown> => new Promise(setImmediate);

test('what the books contradict when it is stored fails the run, as what cannot be stored does', async () => {
  const refused = new LeatError('topology-mismatch', 'JetStream refused a message.');
  const contradiction = new LeatError('source-changed', 'The dataset is not what it was.');
  for (const [publish, onStored, reason] of [
    [Promise.reject(refused), () => undefined, refused],
    [
      Promise.resolve(),
      () => {
        throw contradiction;
      },
      contradiction,
    ],
  ] as const) {
    const life = new RunLife(new AbortController().signal);
    new Outbox(life).post(publish, onStored);
    await settled();
    expect([life.over.aborted, life.over.reason]).toEqual([true, reason]);
  }
});

test('what a cancellation breaks off does not fail the run', async () => {
  const life = new RunLife(new AbortController().signal);
  const outbox = new Outbox(life);
  life.cancel();
  outbox.post(Promise.reject(life.sending.reason as Error), () => undefined);
  await settled();
  expect([life.over.aborted, life.isCancelled]).toEqual([false, true]);
});

test('there is room for a bounded number, and the one who waits for it is woken', async () => {
  const life = new RunLife(new AbortController().signal);
  const outbox = new Outbox(life);
  const deliver: (() => void)[] = [];
  const stored: number[] = [];
  for (let n = 0; !outbox.isFull; n++) {
    const publish = new Promise<void>((resolve) => void deliver.push(resolve));
    outbox.post(publish, () => void stored.push(n));
  }
  expect(deliver).toHaveLength(128);
  let hasRoom = false;
  const room = outbox.untilRoom(life.sending).then(() => {
    hasRoom = true;
  });
  await settled();
  expect(hasRoom).toBe(false);
  deliver[5]?.();
  await room;
  expect(stored).toEqual([5]);
  for (const each of deliver) each();
  await outbox.untilEmpty(life.stop);
  expect(stored).toHaveLength(128);
});
