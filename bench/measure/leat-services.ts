import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Broker } from '../brokers/broker.ts';
import { startNats } from '../brokers/nats.ts';
import { LeatCommand } from './leat-command.ts';

/** A pipeline of the folder `pipelines`, and what it reads from its environment. */
export interface BenchPipeline {
  readonly name: 'job' | 'sleep' | 'burn' | 'million' | 'latency' | 'graph';
  readonly env: Readonly<Record<string, string>>;
}

/** The path by which the leat command loads a pipeline. */
export function pipelineFile({ name }: BenchPipeline): string {
  return fileURLToPath(new URL(`../pipelines/${name}.js`, import.meta.url));
}

/** The services of a pipeline, as processes of their own over one nats-server, or what is given instead. */
export class LeatServices<
  B extends Pick<Broker, 'url' | 'stop'> = Broker,
> implements AsyncDisposable {
  readonly broker: B;
  readonly #pipeline: BenchPipeline;
  readonly #dir: string;
  readonly #commands: LeatCommand[] = [];

  private constructor(pipeline: BenchPipeline, dir: string, broker: B) {
    this.#pipeline = pipeline;
    this.#dir = dir;
    this.broker = broker;
  }

  /** Starts the broker and nothing else. */
  static async over(pipeline: BenchPipeline, dir: string): Promise<LeatServices>;
  static async over<B extends Pick<Broker, 'url' | 'stop'>>(
    pipeline: BenchPipeline,
    dir: string,
    start: (dir: string) => Promise<B>,
  ): Promise<LeatServices<B>>;
  static async over(
    pipeline: BenchPipeline,
    dir: string,
    start: (dir: string) => Promise<Pick<Broker, 'url' | 'stop'>> = startNats,
  ): Promise<LeatServices<Pick<Broker, 'url' | 'stop'>>> {
    await mkdir(dir, { recursive: true });
    return new LeatServices(pipeline, dir, await start(dir));
  }

  /** Starts a service. */
  service(role: 'fetcher' | 'mapper' | 'saver', ...flags: readonly string[]): LeatCommand {
    return this.#start(role, pipelineFile(this.#pipeline), ...flags);
  }

  /** Creates a run, and gives its id. */
  async startRun(): Promise<string> {
    return (await this.#start('start', pipelineFile(this.#pipeline)).output()).trim();
  }

  /** A run's report, as JSON. */
  async status(run: string): Promise<unknown> {
    return JSON.parse(await this.#start('status', run, '--json').output());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#commands.map((command) => command.kill()));
    await this.broker.stop();
  }

  #start(...args: readonly string[]): LeatCommand {
    const env = { ...this.#pipeline.env, NATS_URL: this.broker.url };
    const command = new LeatCommand(args, this.#dir, env);
    this.#commands.push(command);
    return command;
  }
}
