import { isEnded, messageOf, type RunRequest } from '@leat/core';
import type { Logger } from '@leat/sdk/internal';
import { setTransportFactory } from '@nats-io/transport-node';
import { Clock } from './clock.ts';
import { planFaults } from './faults.ts';
import { Invariants } from './invariants.ts';
import { RandomMischief } from './mischief.ts';
import { ModelLink } from './model-link.ts';
import { ModelServer } from './model-server.ts';
import { ModelSink } from './model-sink.ts';
import type { Plant } from './plant.ts';
import { Random } from './random.ts';
import { drawScenario, type Scenario } from './scenario.ts';
import { type Host, operate, serve } from './services.ts';
import { type Main, SimulatedProcess } from './simulated-process.ts';
import { Trace } from './trace.ts';

/** How long after the end of a run, and after the last pause, latecomers may still do damage. */
const AFTERMATH_MS = 2_000;

/** Everything that a seed makes: server, sink, processes, and what happens to them. */
export class World {
  readonly clock = new Clock();
  readonly trace = new Trace(this.clock);
  readonly scenario: Scenario;
  readonly sink: ModelSink;
  readonly server: ModelServer;
  readonly invariants: Invariants;
  readonly request: RunRequest;
  /** The services that live at the moment. */
  processes: SimulatedProcess[] = [];
  deaths = 0;
  /** When everything has gone wrong that will, though some of it takes a while. */
  readonly lastFaultAt: number;
  endedAt = 0;
  faults = 0;
  readonly #random: Random;
  readonly #mischief: RandomMischief;
  readonly #host: Host;
  readonly #alive = new Set<number>();
  /** Whether processes are on hosts of their own, so that only silence tells of a death. */
  readonly #areHostsApart: boolean;
  #pids = 100;
  #restarts = 0;

  constructor(seed: number, plant?: Plant) {
    const random = new Random(seed);
    this.#random = random.fork();
    this.sink = new ModelSink(this.clock, random.fork(), plant?.sink ?? {});
    this.sink.lossRate = random.pick([0, 0, 0.1]);
    this.scenario = drawScenario(random.fork(), this.sink);
    this.invariants = new Invariants(this.scenario, this.sink, this.trace);
    this.#mischief = new RandomMischief(random.fork());
    this.server = new ModelServer(this.clock, this.invariants, this.#mischief);
    const { name, spec } = this.scenario.pipeline;
    const createdAt = new Date(0).toISOString();
    this.request = { run: 'run', pipeline: name, params: {}, spec, createdAt };
    this.#host = {
      scenario: this.scenario,
      request: this.request,
      plant,
      loggerOf: ({ name: process }) => this.trace.logger(process) as unknown as Logger,
    };
    this.#areHostsApart = random.chance(0.5);
    const wayMs = random.fork();
    const slowness = random.pick([1, 1, 20]);
    const latencyMs = (): number => 0.2 + wayMs.next() * slowness;
    setTransportFactory({
      factory: () => {
        const process = this.clock.current as SimulatedProcess;
        const link = new ModelLink(this.server, process, latencyMs);
        process.links.push(link);
        return link;
      },
      // The name of the model is no host's.
      dnsResolveFn: (host: string) => Promise.resolve([host]),
    });
    this.lastFaultAt = planFaults(this, random.fork()) + 10_000;
    this.clock.after(this.lastFaultAt, undefined, () => {
      this.#mischief.isOver = true;
      this.sink.lossRate = 0;
      this.note('world', 'no more faults');
    });
  }

  /** Whether a process can be seen to be dead, as `process.kill(pid, 0)` tells on one host. */
  isAlive(pid: number): boolean {
    return this.#areHostsApart || this.#alive.has(pid);
  }

  note(who: string, what: string): void {
    this.trace.note(who, what);
  }

  /** What is left on the server, for the trace. */
  describe(): string {
    const streams = [...this.server.streams.values()].map((stream) => {
      const consumers = [...stream.consumers.values()].map((each) => JSON.stringify(each.info()));
      return `${stream.config.name}: ${stream.messages.size} messages; ${consumers.join('; ')}`;
    });
    return [...streams, JSON.stringify(this.invariants.checkpoints.last)].join('\n');
  }

  /** Lets it run until the run has ended and all is calm, or the time is up. */
  async run(maxMs: number): Promise<void> {
    this.#start('operator', operate(this.#host), () => undefined);
    for (const stage of this.scenario.pipeline.stages) {
      const replicas = this.scenario.replicas[stage.name] ?? 1;
      for (let nth = 1; nth <= replicas; nth++) {
        this.#keepAlive(`${stage.name}-${nth}`, serve(this.#host, stage));
      }
    }
    await this.clock.run(() => this.hasEnded() || this.invariants.violations.length > 0, maxMs);
    if (!this.hasEnded() && this.invariants.violations.length === 0) {
      this.invariants.fail(`the run has not ended after ${maxMs / 1_000} s`);
    }
    if (this.invariants.violations.length > 0) return;
    this.note('world', 'run ended');
    this.endedAt = this.clock.now;
    do {
      await this.clock.run(() => false, this.clock.now + AFTERMATH_MS);
    } while (this.processes.some(({ state }) => state === 'paused'));
    this.invariants.checkEnd(this.request);
  }

  /** Whether the run has come to its end. */
  hasEnded(): boolean {
    return isEnded(this.invariants.checkpoints.last?.state ?? 'pending');
  }

  #keepAlive(name: string, main: Main): void {
    const process = this.#start(name, main, (error) => {
      this.processes = this.processes.filter((each) => each !== process);
      const why = error === undefined ? 'gone' : `failed: ${messageOf(error)}`;
      const delayMs = this.#random.pick([100, 1_000, 12_000]);
      this.note(name, `${why}, back in ${delayMs} ms`);
      this.deaths++;
      this.clock.after(delayMs, undefined, () => this.#keepAlive(name, main));
    });
    this.processes.push(process);
  }

  #start(name: string, main: Main, onEnd: (error?: unknown) => void): SimulatedProcess {
    const incarnation = `${name}#${++this.#restarts}`;
    const process = new SimulatedProcess(this.clock, incarnation, ++this.#pids);
    this.#alive.add(process.pid);
    process.start(main, (error) => {
      this.#alive.delete(process.pid);
      onEnd(error);
    });
    return process;
  }
}
