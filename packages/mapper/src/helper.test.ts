import { expect, onTestFinished, test, vi } from 'vitest';
import { Helper, HelperDied, type HelperEvents } from './helper.ts';
import { marked } from './helper-messages.ts';
import type { RemoteJob } from './job.ts';
import { WorkClock } from './work-clock.ts';

const JOB = {} as RemoteJob;
const NEVER = new AbortController().signal;

/** A process that loads the pipeline file, and then does not hear any more. */
async function deafProcess(): Promise<{
  helper: Helper;
  events: HelperEvents;
  ended: () => number;
}> {
  let events: HelperEvents | undefined;
  let ended = 0;
  const helper = await Helper.start(
    (given) => {
      events = given;
      queueMicrotask(() => given.onMessage(marked({ ready: true })));
      return { send: () => undefined, end: async () => void ended++ };
    },
    'pipeline.ts',
    () => undefined,
  );
  return { helper, events: events as HelperEvents, ended: () => ended };
}

test('a process that does not begin with a task within 20 s is ended', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { helper, ended } = await deafProcess();
  const asked = helper.run({ job: JOB, clock: new WorkClock() }, NEVER);
  const outcome = asked.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(19_999);
  expect([helper.isAlive, ended()]).toEqual([true, 0]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await outcome).toBeInstanceOf(HelperDied);
  expect([helper.isAlive, ended()]).toEqual([false, 1]);
});

test('one that has begun may take its time', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { helper, events } = await deafProcess();
  const asked = helper.run({ job: JOB, clock: new WorkClock() }, NEVER);
  events.onMessage(marked({ number: 1, clock: 5n }));
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(helper.isAlive).toBe(true);
  const failed = { name: 'Error', message: 'in the end' };
  events.onMessage(marked({ number: 1, failed }));
  await expect(asked).rejects.toThrow('in the end');
});
