import {
  type ChunkId,
  DEFAULT_TOPOLOGY_SETTINGS,
  NO_COUNTS,
  type PipelineSpec,
  type TopologySettings,
} from '@leat/core';
import {
  findNatsServer,
  MINIMUM_VERSION,
  type NatsServer,
  startNatsServer,
  type StartNatsServerOptions,
} from '@leat/nats-server';
import {
  type Delivery,
  type Envelope,
  type NatsSettings,
  openPipelineConnection,
  type PipelineConnection,
  Slots,
  StageTelemetry,
} from '@leat/runtime';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { recordingLogger, type RecordingLogger } from './recording-logger.ts';

/** The servers that everything is tested on: the oldest that Leat works with, and the current one. */
export const SERVERS = [
  { server: 'the oldest server', version: MINIMUM_VERSION },
  { server: 'the current server', version: undefined },
] as const;

export type Version = (typeof SERVERS)[number]['version'];

/** A signal that is never aborted. */
export const NEVER: AbortSignal = new AbortController().signal;

/** Starts a server for one test. */
export async function startServer(
  version?: Version,
  options: StartNatsServerOptions = {},
): Promise<NatsServer> {
  const binary = await findNatsServer(version === undefined ? {} : { version });
  const server = await startNatsServer({ binary, ...options });
  onTestFinished(() => server.stop());
  return server;
}

/** A server for all tests of a `describe`; each test uses pipelines of its own. */
export function sharedServer(
  version: Version,
  options: StartNatsServerOptions = {},
): () => NatsServer {
  let server: NatsServer | undefined;
  beforeAll(async () => {
    const binary = await findNatsServer(version === undefined ? {} : { version });
    server = await startNatsServer({ binary, ...options });
  });
  afterAll(() => server?.stop());
  return () => server as NatsServer;
}

let count = 0;

/** A name that no other test uses. */
export function newName(): string {
  return `p${process.pid}-${++count}`;
}

/** A straight line: fetcher `numbers`, mapper `work`, saver `out`. */
export function lineSpec(name: string = newName()): PipelineSpec {
  return {
    name,
    stages: [
      { name: 'numbers', kind: 'fetcher' },
      { name: 'work', kind: 'mapper', from: 'numbers' },
      { name: 'out', kind: 'saver', from: 'work' },
    ],
  };
}

/** A connection, and what was logged on it. */
export interface OpenPipeline {
  readonly connection: PipelineConnection;
  readonly logger: RecordingLogger;
}

/** Connects to a pipeline for one test. */
export async function openPipeline(
  server: { readonly url: string },
  spec: PipelineSpec = lineSpec(),
  topology: Partial<TopologySettings> = {},
  nats: Partial<NatsSettings> = {},
  signingKeys: readonly string[] = [],
): Promise<OpenPipeline> {
  const logger = recordingLogger();
  const connection = await openPipelineConnection(
    spec,
    {
      nats: { url: server.url, ...nats },
      topology: { ...DEFAULT_TOPOLOGY_SETTINGS, ...topology },
      signingKeys,
    },
    { name: 'test', logger },
  );
  onTestFinished(() => connection.close());
  return { connection, logger };
}

export function envelopeOf(seq: number, records = 1, run = 'run-1'): Envelope {
  const chunk: ChunkId = { seq, path: '' };
  const position = { source: 'numbers', unit: 'record', first: seq * records } as const;
  return { run, chunk, counts: { ...NO_COUNTS, in: records }, position, sending: '' };
}

/** Lines `{"n":0}` and so on. */
export function bodyOf(records = 1): Uint8Array {
  return Buffer.from(Array.from({ length: records }, (_, n) => `{"n":${n}}\n`).join(''));
}

/** Puts chunks `from` to `to - 1` in front of the mapper. */
export async function sendChunks(
  connection: PipelineConnection,
  to: number,
  from = 0,
  stage = 'work',
  run = 'run-1',
): Promise<void> {
  const seqs = Array.from({ length: to - from }, (_, n) => from + n);
  await Promise.all(
    seqs.map((seq) => connection.queues.send(stage, envelopeOf(seq, 1, run), bodyOf(), NEVER)),
  );
}

/** Something that takes chunks, until the test ends or it is stopped. */
export interface Receiver {
  readonly slots: Slots;
  /** Every delivery so far, in order. */
  readonly deliveries: readonly Delivery[];
  readonly seqs: () => number[];
  /** Ends when it is stopped, or by an error. */
  readonly done: Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Takes chunks from the queue in front of the mapper. */
export function startReceiver(
  { connection, logger }: OpenPipeline,
  handle: (delivery: Delivery) => void,
  limit = 64,
  stage = 'work',
): Receiver {
  const deliveries: Delivery[] = [];
  const slots = new Slots(limit);
  const stop = new AbortController();
  const done = connection.queues.receive({
    stage,
    telemetry: new StageTelemetry(stage, {}),
    slots,
    signal: stop.signal,
    logger,
    handle: (delivery) => {
      deliveries.push(delivery);
      handle(delivery);
    },
  });
  const end = async (): Promise<void> => {
    stop.abort();
    await done.catch(() => undefined);
  };
  onTestFinished(end);
  return {
    slots,
    deliveries,
    done,
    seqs: () => deliveries.map(({ envelope }) => envelope.chunk.seq),
    stop: end,
  };
}

/** Blocks the event loop, and leaves the processor to others. */
export function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
