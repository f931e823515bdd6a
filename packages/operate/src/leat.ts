import type { ParamsSchema, Pipeline, StoredChunk } from '@leat/sdk';
import { DeadLetters } from './dead/dead-letters.ts';
import { type Diagnosis, type DoctorOptions, examineServer } from './doctor/examine-server.ts';
import { findRun } from './runs/find-run.ts';
import { listRuns, type RunsWanted } from './runs/list-runs.ts';
import { RunHandle } from './runs/run-handle.ts';
import { type StartOptions, startOn } from './runs/start-on.ts';
import { type ExportOptions, exportRun } from './sinks/export-run.ts';
import { type Verification, verifyRun } from './sinks/verify-run.ts';
import { allExplained, explained, type Site } from './site.ts';
import type { RunReport } from '@leat/core';

/** The runs on a server. */
export interface RunList {
  /**
   * Reports of runs, pipeline by pipeline, the oldest run first. They are read as they are asked for: two reads for
   * each run that is given, and none for the others.
   *
   * @throws LeatError `run-unknown` if `after` names a run that is not there
   */
  list(wanted?: RunsWanted): AsyncGenerator<RunReport, void>;
}

/**
 * A client of one NATS server; `connect` makes it. All methods throw LeatError, `unreachable` among others if the
 * server does not answer any more.
 */
export class Leat implements AsyncDisposable {
  readonly runs: RunList;
  /** The records that were given up. */
  readonly dead: DeadLetters;
  readonly #site: Site;

  constructor(site: Site) {
    this.#site = site;
    this.dead = new DeadLetters(site);
    this.runs = { list: (wanted) => allExplained(site, listRuns(site, wanted)) };
  }

  /** The server's address, without a password that it may hold. */
  get address(): string {
    return this.#site.address;
  }

  /**
   * Creates a run for the services to work on; or, if there is one of the id that failed, was interrupted or is
   * paused, lets it go on. What the pipeline needs on the server is made if it is not there.
   *
   * @throws LeatError `run-exists` if a run of that id has ended well, `invalid-pipeline` if it has another graph,
   *   `invalid-configuration`, `invalid-name`, `topology-mismatch` or `unfit-server`
   */
  async start<P extends ParamsSchema | undefined>(
    pipeline: Pipeline<P>,
    options: NoInfer<StartOptions<P>> = {},
  ): Promise<RunHandle> {
    const found = await explained(this.#site, startOn(this.#site, pipeline, options));
    return new RunHandle(this.#site, found);
  }

  /**
   * Finds a run.
   *
   * @param options.pipeline its pipeline's name; needed if several have a run of that id
   * @throws LeatError `run-unknown`, `invalid-name`, or `invalid-configuration` if several pipelines have such a run
   */
  async run(id: string, options: { readonly pipeline?: string } = {}): Promise<RunHandle> {
    const name = { run: id, pipeline: options.pipeline };
    return new RunHandle(this.#site, await explained(this.#site, findRun(this.#site, name)));
  }

  /**
   * Counts what is in the sinks of a run, and compares it with the run's report and its receipts, chunk by chunk.
   * The sinks are opened here: their addresses and credentials must be those of this process.
   *
   * @throws LeatError `run-unknown`, `invalid-pipeline`, `sink-unfit`; and whatever a sink throws
   */
  verify(run: string, pipeline: Pipeline): Promise<Verification> {
    return verifyRun(this.#site, run, pipeline);
  }

  /**
   * Reads what a run that has ended saved, in dataset order, chunk by chunk. Only when the last chunk is given
   * it is known whether something is missing.
   *
   * @throws LeatError `run-unknown`, `run-state` while the run goes on, `sink-taken` if the pipeline leads to another
   *   sink, `run-failed` after the last chunk if there are not as many records as the report says
   */
  export(
    run: string,
    pipeline: Pipeline,
    options: ExportOptions = {},
  ): AsyncGenerator<StoredChunk, void> {
    return exportRun(this.#site, run, pipeline, options);
  }

  /**
   * Looks for what loses data or stalls on the server.
   *
   * @throws LeatError `unfit-server` or `invalid-configuration` if this user may not look
   */
  doctor(options: DoctorOptions = {}): Promise<Diagnosis> {
    return explained(this.#site, examineServer(this.#site, options));
  }

  /** Sends what is under way, and closes the connection. */
  async close(): Promise<void> {
    const { nats } = this.#site;
    await nats.drain().catch(() => nats.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
