import { type ChildProcess, fork } from 'node:child_process';
import { formatPosition, LeatError } from '@leat/core';
import { type Logger } from '@leat/runtime';
import { fromStart, linesOf } from '@leat/sdk';
import pLimit from 'p-limit';
import { type ServiceJob, type JobResult, remoteJobOf } from './job.ts';
import { joinResults, type PartResult } from './join-results.ts';
import type { QuarantineAnswer } from './quarantine-process.ts';
import type { RemoteData } from './remote-worker.ts';
import { TimedOut, watched } from './watch.ts';
import { WorkClock } from './work-clock.ts';

/**
 * After so many deliveries a chunk is suspected of killing the one who works on it. Innocent ones come here
 * too, after rolling updates or a long rest; it costs them little.
 */
export const SUSPICIOUS_DELIVERIES = 4;

/**
 * Works on chunks that may kill their process (`process.abort`, out of memory) or never end, in a process
 * of their own, one at a time. A chunk that does is halved until the bad record stands alone: of a
 * hundred records, one costs fourteen further executions, and the others are saved.
 */
export class Quarantine {
  readonly #data: RemoteData;
  readonly #timeoutMs: number | undefined;
  readonly #logger: Logger;
  readonly #oneAtATime = pLimit(1);
  #process: ChildProcess | undefined;

  /** @param timeoutMs the longest that a part of a chunk may be worked on */
  constructor(data: RemoteData, timeoutMs: number | undefined, logger: Logger) {
    this.#data = data;
    this.#timeoutMs = timeoutMs;
    this.#logger = logger;
  }

  /** @param why what is held against the chunk, for the log */
  run(job: ServiceJob, why: string, signal: AbortSignal): Promise<JobResult> {
    return this.#oneAtATime(async () => {
      const fields = { run: job.run.id, chunk: job.chunk };
      this.#logger.warn(fields, `chunk worked on in quarantine: ${why}`);
      const lines = linesOf(job.body);
      const parts = await this.#isolate(job, lines, 0, lines.length, signal);
      return joinResults(parts, job.limits);
    });
  }

  close(): void {
    this.#process?.kill('SIGKILL');
    this.#process = undefined;
  }

  /** What became of the lines from `from` up to `to`. */
  async #isolate(
    job: ServiceJob,
    lines: readonly Uint8Array[],
    from: number,
    to: number,
    signal: AbortSignal,
  ): Promise<PartResult[]> {
    try {
      return [{ from, result: await this.#attempt(partOf(job, lines, from, to), signal) }];
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ProcessDied || error instanceof TimedOut)) throw error;
      if (to - from === 1) return [{ from, result: deadResult(job, lines[from], from, error) }];
      const middle = (from + to) >> 1;
      const first = await this.#isolate(job, lines, from, middle, signal);
      return [...first, ...(await this.#isolate(job, lines, middle, to, signal))];
    }
  }

  async #attempt(job: ServiceJob, signal: AbortSignal): Promise<JobResult> {
    const child = (this.#process ??= await this.#start());
    const clock = new WorkClock();
    const watch = { job, clock, timeoutMs: this.#timeoutMs, logger: this.#logger, signal };
    return watched(watch, async ({ signal: own }) => {
      const abandon = (): void => this.close();
      own.addEventListener('abort', abandon, { once: true });
      try {
        child.send(remoteJobOf(job));
        const answer = await nextAnswer(child, clock);
        if ('result' in answer) return answer.result;
        throw new Error('the quarantine answered out of turn');
      } catch (error) {
        this.#process = undefined;
        own.throwIfAborted();
        throw error;
      }
    });
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(new URL('./quarantine-process.js', import.meta.url), {
      // Where the file that it loads, and what that names, was looked for the first time.
      cwd: fromStart(''),
      serialization: 'advanced',
      // What user code prints must not end up among our own results.
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    child.send(this.#data);
    try {
      await nextAnswer(child);
      return child;
    } catch (error) {
      throw new LeatError(
        'invalid-pipeline',
        `The pipeline file ${this.#data.pipelineFile} cannot be loaded in a process of its own.`,
        { cause: error },
      );
    }
  }
}

/** Why a process gave no answer. */
class ProcessDied extends Error {
  override readonly name: string = 'ProcessDied';
}

/** Waits until the process says more than what its clock has come to. */
function nextAnswer(child: ChildProcess, clock?: WorkClock): Promise<QuarantineAnswer> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      const answer = message as QuarantineAnswer;
      if ('clock' in answer) clock?.set(answer.clock);
      else settle(() => resolve(answer));
    };
    const onExit = (code: number | null, killedBy: NodeJS.Signals | null): void => {
      const how = killedBy ?? `exit code ${String(code)}`;
      const why = `the record ended the process that worked on it (${how})`;
      settle(() => reject(new ProcessDied(why)));
    };
    const settle = (end: () => void): void => {
      child.off('message', onMessage).off('exit', onExit);
      end();
    };
    child.on('message', onMessage).on('exit', onExit);
  });
}

function partOf(
  job: ServiceJob,
  lines: readonly Uint8Array[],
  from: number,
  to: number,
): ServiceJob {
  const origins = job.origins ?? lines.map((_, index) => index);
  return {
    ...job,
    // A copy: what is sent is the whole buffer that an array is a window of.
    body: new Uint8Array(Buffer.concat(lines.slice(from, to))),
    records: to - from,
    origins: origins.slice(from, to),
  };
}

function deadResult(
  job: ServiceJob,
  line: Uint8Array | undefined,
  index: number,
  { name, message }: Error,
): JobResult {
  const position = formatPosition(job.position, job.origins?.[index] ?? index);
  const record = Buffer.from(line ?? [])
    .toString()
    .trimEnd();
  const dead = [{ index: 0, position, attempts: 1, error: { name, message }, record }];
  return { pieces: [], expanded: 0, filtered: 0, dead, retries: 0 };
}
