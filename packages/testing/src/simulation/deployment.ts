import { isEnded, messageOf, newBirthMark, queuedStages, type RunRequest } from '@leat/core';
import type { Logger } from '@leat/runtime';
import type { Clock } from './clock.ts';
import { Invariants } from './checks/invariants.ts';
import type { ModelSink } from './model/model-sink.ts';
import type { PipelineFile } from './pipeline-file.ts';
import type { Plant } from './plant.ts';
import type { Random } from './random.ts';
import type { RunInfo } from '@leat/sdk';
import type { Draw, Given, Scenario } from './scenario.ts';
import { operate, serve } from './services.ts';
import type { Main, SimulatedProcess } from './simulated-process.ts';
import type { Trace } from './trace.ts';
import type { WatchedRun } from './checks/watched-run.ts';

/** A replica of a stage: a process, and the one who comes in its place when it is gone. */
export interface Replica {
  readonly name: string;
  readonly stage: string;
  /** What it is started with. */
  file: PipelineFile;
  process: SimulatedProcess | undefined;
  isWanted: boolean;
}

/** What a deployment needs of its world. */
export interface Ground {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly sink: ModelSink;
  readonly plant: Plant | undefined;
  start(name: string, main: Main, onEnd: (error?: unknown) => void): SimulatedProcess;
}

/** One pipeline with its run, its replicas, and the operator who wants the run. */
export class Deployment implements WatchedRun {
  readonly scenario: Scenario;
  readonly sink: ModelSink;
  readonly invariants: Invariants;
  readonly replicas: Replica[] = [];
  request: RunRequest;
  deaths = 0;
  /** Whether its operator has said so at some time. */
  mayBeCancelled = false;
  readonly #ground: Ground;
  readonly #random: Random;
  readonly #name: string;
  readonly plant: Plant | undefined;

  constructor(ground: Ground, random: Random, draw: Draw, given: Given) {
    this.#ground = ground;
    this.#random = random.fork();
    this.#name = given.name;
    this.plant = ground.plant;
    this.sink = ground.sink;
    this.scenario = draw(random.fork(), ground.sink, given);
    const { pipeline, file, isIdGiven, params } = this.scenario;
    this.request = {
      run: 'run',
      ...(isIdGiven && { isIdGiven }),
      pipeline: pipeline.name,
      params,
      spec: pipeline.spec,
      createdAt: new Date(0).toISOString(),
      born: newBirthMark(random.next()),
      limits: file.limits,
    };
    this.invariants = new Invariants(this, ground.trace);
  }

  /** The processes that live at the moment. */
  get processes(): SimulatedProcess[] {
    return this.replicas.flatMap(({ process }) => process ?? []);
  }

  /** The run as the user's functions see it. */
  get info(): RunInfo<unknown> {
    const { run: id, pipeline, params } = this.request;
    return { id, pipeline, params };
  }

  get places(): string[] {
    return this.replicas.map(({ file }) => file.place);
  }

  loggerOf({ name }: SimulatedProcess): Logger {
    return this.#ground.trace.logger(name) as unknown as Logger;
  }

  start(): void {
    this.#ground.start(`${this.#name}/operator`, operate(this), () => undefined);
    const { pipeline, replicas, file } = this.scenario;
    for (const { name } of [pipeline.fetcher, ...queuedStages(pipeline.spec)]) {
      for (let nth = 1; nth <= (replicas[name] ?? 1); nth++) this.add(`${name}-${nth}`, name, file);
    }
  }

  hasEnded(): boolean {
    return isEnded(this.invariants.checkpoints.last?.state ?? 'pending');
  }

  add(name: string, stage: string, file: PipelineFile): Replica {
    const replica = { name, stage, file, process: undefined, isWanted: true };
    this.replicas.push(replica);
    this.#keepAlive(replica);
    return replica;
  }

  /** Starts a replica again, with something else in its file. */
  rollOut(replica: Replica, change: Partial<PipelineFile>, isGentle: boolean): void {
    replica.file = { ...replica.file, ...change };
    if (isGentle) replica.process?.terminate();
    else replica.process?.killAfter(0);
  }

  /** Lets its fetchers stand still, while its operator cancels the run and thinks better of it. */
  pauseFetchers(ms: number): void {
    this.mayBeCancelled = true;
    for (const { stage, process } of this.replicas) {
      if (stage === this.scenario.pipeline.fetcher.name) process?.pause(ms);
    }
  }

  /** Takes a replica away. */
  remove(replica: Replica): void {
    replica.isWanted = false;
    replica.process?.killAfter(0);
  }

  #keepAlive(replica: Replica): void {
    if (!replica.isWanted) return;
    const { clock, trace } = this.#ground;
    const { name, file } = replica;
    const pipeline = this.scenario.pipelineOf(file);
    const stage = pipeline.stages.find((each) => each.name === replica.stage);
    if (stage === undefined) {
      clock.after(1_000, undefined, () => this.#keepAlive(replica));
      return;
    }
    const main = serve(this, pipeline, stage);
    const process = this.#ground.start(`${this.#name}/${name}`, main, (error) => {
      replica.process = undefined;
      const why = error === undefined ? 'gone' : `failed: ${messageOf(error)}`;
      const delayMs = this.#random.pick([100, 1_000, 12_000]);
      trace.note(process.name, `${why}, back in ${delayMs} ms`);
      this.deaths++;
      clock.after(delayMs, undefined, () => this.#keepAlive(replica));
    });
    process.isAhead = file.isAhead === true;
    process.onNewer = this.plant?.onNewer;
    if (file.graph !== 'own') {
      process.onSaid = (packet) => this.invariants.saidByStranger(process.name, packet);
    }
    replica.process = process;
  }
}
