import { isA, isThenable, LeatError, messageOf } from '@leat/core';
import type { Pipeline, RunInfo, Saver, Sink, SinkSession } from '@leat/sdk';
import { authorsLogger, type KnownRun, type KnownRuns, type Logger, wait } from '@leat/runtime';
import { demandSession } from './demand-sink.ts';
import { untilAvailable } from './until-available.ts';

/** How long a session may take to close. */
const CLOSE_MS = 5_000;

export interface RunSinkOptions {
  readonly pipeline: Pipeline;
  readonly saver: Saver;
  readonly logger: Logger;
  /** The service stops: a sink that cannot be opened is not tried again. */
  readonly stop: AbortSignal;
  /** The service has to leave everything. */
  readonly abort: AbortSignal;
}

/** The sink of one run, open under the run's fence. */
export class RunSink {
  readonly #options: RunSinkOptions;
  #session: SinkSession | undefined;
  #fence = 0;
  /** The birth mark of the run that it is open for. */
  #born = '';

  constructor(options: RunSinkOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#session !== undefined;
  }

  /** The fence under which it was opened last. */
  get fence(): number {
    return this.#fence;
  }

  /**
   * The session to commit with: another one when the run's fence has risen, or another sink counts.
   *
   * @param known told into which sink it writes
   * @throws LeatError `sink-unfit` if the sink can never work as it stands; `fenced` if its own fence is
   * higher than the run's; `sink-taken` if it has another run of this id, or other savers write into another
   */
  async open(
    { info, identity, isRecovered, fence, sink: counted, signal }: KnownRun,
    known: Pick<KnownRuns, 'claimSink' | 'noteWait'>,
  ): Promise<SinkSession> {
    const mark = this.#session?.identity?.mark;
    const isCounted = mark === undefined || counted === undefined || counted.mark === mark;
    const isSame = this.#born === identity.born && this.#fence >= fence && isCounted;
    if (this.#session !== undefined && isSame) return this.#session;
    await this.close();
    this.#fence = fence;
    this.#born = identity.born;
    const { pipeline, saver, logger, stop, abort } = this.#options;
    const sink = sinkOf(saver, info);
    const context = {
      run: info,
      identity,
      isRecovered,
      stage: saver.name,
      schema: saver.from[0].schema,
      fence,
      logger: authorsLogger(logger, { pipeline: pipeline.name, run: info.id, stage: saver.name }),
    };
    const open = (): Promise<SinkSession> => sink.open(context);
    const session = await untilAvailable(`the sink ${sink.kind}`, open, {
      signal,
      stop,
      abort,
      logger,
      onWait: (reason) => known.noteWait(info.id, reason),
    });
    demandSession(session, sink.kind);
    try {
      if (session.identity !== undefined) await known.claimSink(info.id, session.identity);
    } catch (error) {
      await session.close();
      throw error;
    }
    this.#session = session;
    return session;
  }

  /** Closes the session; one that does not answer is left behind after a while. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    const over = new AbortController();
    const late = wait(CLOSE_MS, over.signal).catch(() => undefined);
    try {
      await Promise.race([session.close(), late]);
    } catch (error) {
      // What was committed is there; its author has to hear of it.
      const { logger, saver } = this.#options;
      logger.warn({ err: error, stage: saver.name }, 'the sink has not closed well');
    } finally {
      over.abort();
    }
  }

  /** Leaves a session behind that does not answer; it is closed if it ever does. */
  abandon(): void {
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) void Promise.resolve(session.close()).catch(() => undefined);
  }
}

/** @throws LeatError `sink-unfit` if the user's function throws: it would do so for ever */
function sinkOf(saver: Saver, run: RunInfo<unknown>): Sink<never> {
  try {
    const sink: Sink<never> | undefined = saver.sink(run);
    if (typeof sink?.open === 'function') return sink;
    throw new TypeError(`the function gives ${isThenable(sink) ? 'a promise' : 'no sink'}`);
  } catch (error) {
    if (isA(error, LeatError)) throw error;
    throw new LeatError(
      'sink-unfit',
      `The saver ${saver.name} has no sink for the run ${run.id}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
