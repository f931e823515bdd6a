import { describeThrown, isA, LeatError, messageOf } from '@leat/core';
import { continueTrace } from '@leat/runtime';
import {
  type HelperAnswer,
  type HelperResult,
  type HelperTask,
  marked,
  isMarked,
} from './helper-messages.ts';
import type { Job, OnWait, RemoteJob } from './job.ts';
import { type RemoteData, type RemoteWorker, remoteWorker } from './remote-worker.ts';
import { wantedUntil } from './watch.ts';
import { WorkClock } from './work-clock.ts';
import { RemoteStores, type StoreAnswer } from './state/remote-stores.ts';

/** A helper's own end of its channel. */
export interface HelperPort {
  readonly post: (message: object) => void;
  readonly listen: (onMessage: (message: unknown) => void) => void;
}

/** Loads the pipeline file, and works on what a helper is asked. Nobody aborts a task: the helper is ended. */
export async function serveTasks(data: RemoteData, { post, listen }: HelperPort): Promise<void> {
  const say = (answer: HelperAnswer): void => post(marked(answer));
  const remote = new RemoteStores(say);
  let worker: RemoteWorker;
  try {
    worker = await remoteWorker(data, remote.stores);
  } catch (error) {
    say({ unloadable: messageOf(error) });
    return;
  }
  listen((message) => {
    if (!isMarked(message)) return;
    if ('storeAnswer' in message) {
      remote.hear(message as StoreAnswer);
      return;
    }
    const task = message as HelperTask;
    const { number, job } = task;
    const onWait: OnWait = (position, wait) => say({ number, position, wait });
    const clock = new WorkClock(
      task.clock,
      task.clock ? undefined : (state) => say({ number, clock: state }),
    );
    void continueTrace(job.trace, () => done(worker, { ...job, onWait }, task.isPart, clock))
      .then((result) => say({ number, ...result }))
      // What is too much for the channel.
      .catch((error: unknown) => say({ number, failed: describeThrown(error) }));
  });
  say({ ready: true });
}

async function done(
  worker: RemoteWorker,
  job: RemoteJob & Pick<Job, 'onWait'>,
  isPart: boolean,
  clock: WorkClock,
): Promise<HelperResult> {
  const wanted = wantedUntil(new AbortController().signal);
  try {
    if (!isPart) return { result: await worker.work(job, wanted, clock) };
    return { workedOn: await worker.workOn(job, wanted, clock) };
  } catch (error) {
    if (isA(error, LeatError)) return { refused: { code: error.code, message: error.message } };
    return { failed: describeThrown(error) };
  }
}
