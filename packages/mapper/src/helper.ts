import type { Logger, PipelineStores } from '@leat/runtime';
import { LeatError, messageOf } from '@leat/core';
import {
  type HelperAnswer,
  type HelperResult,
  type HelperTask,
  marked,
  isMarked,
} from './helper-messages.ts';
import type { JobResult, OnWait, RemoteJob } from './job.ts';
import type { WorkedOn } from './outcome.ts';
import type { WorkClock } from './work-clock.ts';
import { answerStoreCall, type StoreQuestion } from './state/remote-stores.ts';

/** So long a pipeline file may take to be loaded. */
const LOAD_MS = 120_000;

/**
 * So long a process may take to begin with a task. The user's code may have taken its listeners away, or left
 * something running that blocks it.
 */
const BEGIN_MS = 20_000;

/** A helper ended instead of answering: what it worked on did that, or somebody else. */
export class HelperDied extends Error {
  override readonly name: string = 'HelperDied';
}

/** The work on a chunk as a whole failed, as it may again. */
class ChunkFailed extends Error {
  override readonly name: string = 'ChunkFailed';
}

/** The way to a helper, a thread or a process. */
export interface HelperLine {
  /** @param handedOver what need not be copied, where nothing need be */
  readonly send: (message: object, handedOver?: readonly ArrayBuffer[]) => void;
  /** Ends it, whatever it does. */
  readonly end: () => Promise<void>;
}

/** What is heard of a helper. After its end nothing is. */
export interface HelperEvents {
  readonly onMessage: (message: unknown) => void;
  /** @param how `SIGKILL`, `exit code 1` */
  readonly onEnd: (how: string) => void;
}

/** Starts a thread or a process, and listens to it from then on. */
export type OpenLine = (events: HelperEvents) => HelperLine;

interface Waiting {
  readonly clock: WorkClock | undefined;
  readonly onWait: OnWait | undefined;
  /** Runs until the helper has said something of the task. */
  readonly unbegun: NodeJS.Timeout | undefined;
  readonly resolve: (result: HelperResult) => void;
  readonly reject: (error: Error) => void;
}

/** What those who have helpers give them to know. */
export interface HelperMeans {
  readonly logger: Logger;
  /** What the user's functions keep, they keep there. */
  readonly stores?: PipelineStores | undefined;
}

/** What a helper is given with a chunk. */
export interface HelperJob {
  readonly job: RemoteJob;
  /** Shared with a thread. */
  readonly memory?: SharedArrayBuffer;
  /** Set to what a process says of its clock. */
  readonly clock?: WorkClock;
  readonly onWait?: OnWait | undefined;
  /** See {@link HelperLine}. */
  readonly handedOver?: readonly ArrayBuffer[];
}

/**
 * A thread or a process that has loaded the pipeline file and works on chunks. It is watched from its start to
 * its end: when it ends, for whatever reason, what it was asked fails, and nothing else.
 */
export class Helper {
  readonly #line: HelperLine;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onIdleEnd: (how: string) => void;
  #loaded: { readonly resolve: () => void; readonly reject: (why: string) => void } | undefined;
  readonly #stores: PipelineStores | undefined;
  #endedHow: string | undefined;
  #tasks = 0;

  private constructor(
    open: OpenLine,
    onIdleEnd: (how: string) => void,
    stores: PipelineStores | undefined,
  ) {
    this.#onIdleEnd = onIdleEnd;
    this.#stores = stores;
    this.#line = open({
      onMessage: (message) => this.#hear(message),
      onEnd: (how) => this.#hasEnded(how),
    });
  }

  /**
   * Starts a helper, and waits until it has loaded the pipeline file.
   *
   * @param onIdleEnd told when it ends although it works on nothing
   * @param stores what it keeps, it keeps there
   * @throws LeatError `invalid-pipeline` if it cannot
   */
  static async start(
    open: OpenLine,
    pipelineFile: string,
    onIdleEnd: (how: string) => void,
    stores?: PipelineStores,
  ): Promise<Helper> {
    const helper = new Helper(open, onIdleEnd, stores);
    try {
      await helper.#untilLoaded();
      return helper;
    } catch (error) {
      void helper.end();
      throw new LeatError(
        'invalid-pipeline',
        `The pipeline file ${pipelineFile} cannot be loaded again, as work on its chunks needs: ${(error as Error).message} They wait until it can.`,
        { cause: error },
      );
    }
  }

  get isAlive(): boolean {
    return this.#endedHow === undefined;
  }

  /** Whether it has worked on nothing yet, so that nothing else can be to blame for its end. */
  get isFresh(): boolean {
    return this.#tasks === 0;
  }

  /**
   * Has a chunk worked on.
   *
   * @param signal ends the helper, whatever else it works on
   * @throws HelperDied; ChunkFailed; LeatError; the reason of the signal
   */
  async run(job: HelperJob, signal: AbortSignal): Promise<JobResult> {
    return resultIn(await this.#unlessAborted(job, false, signal), 'result');
  }

  /** As {@link run}, and gives what became of each record. */
  async runPart(job: HelperJob, signal: AbortSignal): Promise<WorkedOn> {
    return resultIn(await this.#unlessAborted(job, true, signal), 'workedOn');
  }

  async end(): Promise<void> {
    this.#hasEnded('it was ended');
    await this.#line.end();
  }

  async #unlessAborted(
    job: HelperJob,
    isPart: boolean,
    signal: AbortSignal,
  ): Promise<HelperResult> {
    signal.throwIfAborted();
    const end = (): void => void this.end();
    signal.addEventListener('abort', end, { once: true });
    try {
      return await this.#ask(job, isPart);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  #ask(
    { job, memory, clock, onWait, handedOver }: HelperJob,
    isPart: boolean,
  ): Promise<HelperResult> {
    const number = ++this.#tasks;
    return new Promise((resolve, reject) => {
      if (this.#endedHow !== undefined) {
        reject(new HelperDied(this.#endedHow));
        return;
      }
      // A thread has others to work on meanwhile, and says nothing of its clock.
      const unbegun =
        memory === undefined ? setTimeout(() => void this.#giveUp(), BEGIN_MS) : undefined;
      this.#waiting.set(number, { clock, onWait, unbegun, resolve, reject });
      const task: HelperTask = { number, job, clock: memory, isPart };
      try {
        this.#line.send(marked(task), handedOver);
      } catch (error) {
        clearTimeout(unbegun);
        this.#waiting.delete(number);
        reject(new ChunkFailed(messageOf(error), { cause: error }));
      }
    });
  }

  #hear(message: unknown): void {
    if (!this.isAlive || !isMarked(message)) return;
    const answer = message as HelperAnswer;
    if ('ready' in answer) this.#loaded?.resolve();
    else if ('unloadable' in answer) this.#loaded?.reject(answer.unloadable);
    else if ('storeCall' in answer) void this.#answer(answer);
    else this.#hearOf(answer);
  }

  #hearOf(answer: Extract<HelperAnswer, { readonly number: number }>): void {
    const waiting = this.#waiting.get(answer.number);
    clearTimeout(waiting?.unbegun);
    if ('clock' in answer) {
      waiting?.clock?.set(answer.clock);
      return;
    }
    if ('position' in answer) {
      waiting?.onWait?.(answer.position, answer.wait);
      return;
    }
    this.#waiting.delete(answer.number);
    waiting?.resolve(answer);
  }

  async #answer(question: StoreQuestion): Promise<void> {
    const answer = await answerStoreCall(this.#stores, question);
    if (this.isAlive) this.#line.send(marked(answer));
  }

  async #giveUp(): Promise<void> {
    this.#hasEnded(`it did not begin within ${BEGIN_MS / 1_000} s`);
    await this.#line.end();
  }

  #hasEnded(how: string): void {
    if (this.#endedHow !== undefined) return;
    this.#endedHow = how;
    const isIdle = this.#waiting.size === 0;
    for (const { unbegun, reject } of this.#waiting.values()) {
      clearTimeout(unbegun);
      reject(new HelperDied(how));
    }
    this.#waiting.clear();
    if (this.#loaded !== undefined) this.#loaded.reject(`it ended (${how}).`);
    else if (isIdle) this.#onIdleEnd(how);
  }

  async #untilLoaded(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#loaded = { resolve, reject: (why) => reject(new Error(why)) };
        const late = new Error(`it takes longer than ${LOAD_MS / 1_000} s.`);
        timer = setTimeout(() => reject(late), LOAD_MS);
        if (this.#endedHow !== undefined) reject(new Error(`it ended (${this.#endedHow}).`));
      });
      this.#loaded = undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}

function resultIn<K extends 'result' | 'workedOn'>(
  answer: HelperResult,
  kind: K,
): Extract<HelperResult, Readonly<Record<K, unknown>>>[K] {
  if (kind in answer) return (answer as Extract<HelperResult, Readonly<Record<K, unknown>>>)[kind];
  if ('refused' in answer) throw new LeatError(answer.refused.code, answer.refused.message);
  const message =
    'failed' in answer ? `${answer.failed.name}: ${answer.failed.message}` : 'no answer';
  throw new ChunkFailed(message);
}
