import { bucketName, streamName } from '@leat/core';
import { setTransportFactory } from '@nats-io/transport-node';
import { Clock } from './clock.ts';
import { Deployment, type Ground } from './deployment.ts';
import type { Target } from './faults/fault.ts';
import { planFaults } from './faults/faults.ts';
import type { Invariants } from './checks/invariants.ts';
import { RandomMischief } from './faults/mischief.ts';
import { ModelLink } from './model/model-link.ts';
import { ModelServer } from './model/model-server.ts';
import { ModelSink } from './model/model-sink.ts';
import type { Observer, Storage } from './model/model-types.ts';
import type { Plant } from './plant.ts';
import { Random } from './random.ts';
import { type Main, SimulatedProcess } from './simulated-process.ts';
import type { Draw } from './scenario.ts';
import { Trace } from './trace.ts';
import { isInside } from './inside.ts';

/** How long after the end of a run, and after the last pause, latecomers may still do damage. */
const AFTERMATH_MS = 2_000;

/** Everything that a seed makes: server, sink, pipelines with their processes, and what happens to them. */
export class World implements Ground, Target {
  readonly clock: Clock = new Clock();
  readonly trace: Trace = new Trace(this.clock);
  readonly sink: ModelSink;
  readonly server: ModelServer;
  /** One pipeline; or two, which know nothing of each other, and whose runs have one id. */
  readonly deployments: readonly Deployment[];
  readonly plant: Plant | undefined;
  /** Whether two pipelines write into one table. */
  readonly isTableShared: boolean;
  /** When everything has gone wrong that will, though some of it takes a while. */
  readonly lastFaultAt: number;
  endedAt = 0;
  faults = 0;
  readonly #mischief: RandomMischief;
  readonly #alive = new Set<number>();
  /** Whether processes are on hosts of their own, so that only silence tells of a death. */
  readonly #areHostsApart: boolean;
  #pids = 100;
  #restarts = 0;

  constructor(seed: number, draw: Draw, plant?: Plant) {
    const random = new Random(seed);
    this.plant = plant;
    this.sink = new ModelSink(this.clock, random.fork(), plant?.sink ?? {});
    this.sink.lossRate = random.pick([0, 0, 0.1]);
    const table = 'the table';
    const first = new Deployment(this, random.fork(), draw, { name: 'simulated', place: table });
    const second = random.fork();
    const isAlone = !random.chance(0.15);
    this.isTableShared = !isAlone && random.chance(0.5);
    const like = first.scenario;
    const place = this.isTableShared ? table : 'another table';
    this.deployments = isAlone
      ? [first]
      : [first, new Deployment(this, second, draw, { name: 'namesake', place, like })];
    this.#mischief = new RandomMischief(random.fork());
    this.server = new ModelServer(this.clock, this.#observer(), this.#mischief);
    this.#areHostsApart = random.chance(0.5);
    const wayMs = random.fork();
    const slowness = random.pick([1, 1, 20]);
    this.#connectAll(() => 0.2 + wayMs.next() * slowness);
    this.lastFaultAt = planFaults(this, random.fork()) + 10_000;
    this.clock.after(this.lastFaultAt, undefined, () => {
      this.#mischief.isOver = true;
      this.sink.lossRate = 0;
      this.note('world', 'no more faults');
    });
  }

  /** The services that live at the moment. */
  get processes(): SimulatedProcess[] {
    return this.deployments.flatMap(({ processes }) => processes);
  }

  get violations(): string[] {
    return this.deployments.flatMap(({ invariants }) => invariants.violations);
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
    const last = this.deployments.map(({ invariants }) => invariants.checkpoints.last);
    return [...streams, ...last.map((progress) => JSON.stringify(progress))].join('\n');
  }

  /** The buckets are gone. */
  forgetCheckpoints(): void {
    for (const { invariants } of this.deployments) invariants.checkpoints.forget();
  }

  /** Everything is gone but the dead letters, which have nobody to write them again. */
  wipe(): void {
    for (const name of this.server.streams.keys()) {
      if (!name.endsWith('_dead')) this.server.deleteStream(name);
    }
    this.server.restart(500, true);
    this.forgetCheckpoints();
  }

  /** Settles what must become of the records. */
  async settle(): Promise<void> {
    for (const { scenario, info } of this.deployments) {
      const { name: fetcher } = scenario.pipeline.fetcher;
      await scenario.dataset.settle({ run: info, fetcher }, scenario.fateOf);
    }
  }

  /** Lets it run until all runs have ended and all is calm, or the time is up. */
  async run(maxMs: number): Promise<void> {
    for (const deployment of this.deployments) deployment.start();
    await this.clock.run(() => this.hasEnded() || this.violations.length > 0, maxMs);
    for (const each of this.violations.length > 0 ? [] : this.deployments) {
      if (each.hasEnded()) continue;
      each.invariants.fail(
        `the run of ${each.request.pipeline} has not ended after ${maxMs / 1_000} s`,
      );
    }
    if (this.violations.length > 0) return;
    this.note('world', 'all runs ended');
    this.endedAt = this.clock.now;
    do {
      await this.clock.run(() => false, this.clock.now + AFTERMATH_MS);
    } while (this.processes.some(({ state }) => state === 'paused'));
    for (const { invariants } of this.deployments) invariants.checkEnd();
  }

  /** Whether all runs have come to their ends. */
  hasEnded(): boolean {
    return this.deployments.every((deployment) => deployment.hasEnded());
  }

  start(name: string, main: Main, onEnd: (error?: unknown) => void): SimulatedProcess {
    const incarnation = `${name}#${++this.#restarts}`;
    const process = new SimulatedProcess(this.clock, incarnation, ++this.#pids);
    this.#alive.add(process.pid);
    process.start(main, (error) => {
      this.#alive.delete(process.pid);
      onEnd(error);
    });
    return process;
  }

  /** Tells each pipeline's invariants what happens on its streams. */
  #observer(): Observer {
    const watching = ({ config: { name } }: Storage): Invariants | undefined =>
      this.deployments.find(
        ({ request: { pipeline } }) =>
          name.startsWith(streamName(pipeline, '')) || name === `KV_${bucketName(pipeline)}`,
      )?.invariants;
    return {
      stored: (stream, message) => watching(stream)?.stored(stream, message),
      acknowledged: (stream, message, deliveries) =>
        watching(stream)?.acknowledged(stream, message, deliveries),
      purged: (stream, message) => watching(stream)?.purged(stream, message),
    };
  }

  #connectAll(latencyMs: () => number): void {
    setTransportFactory({
      factory: () => {
        if (!isInside()) throw new Error('a simulation is under way in this process');
        const process = this.clock.current as SimulatedProcess;
        const link = new ModelLink(this.server, process, latencyMs);
        process.links.push(link);
        return link;
      },
      // The name of the model is no host's.
      dnsResolveFn: (host: string) => Promise.resolve([host]),
    });
  }
}
