import {
  compareChunkIds,
  parseChunkId,
  type Receipt,
  recordsOf,
  type RunProgress,
  type RunReport,
  type RunRequest,
} from '@leat/core';
import { runFetcher } from '@leat/fetcher';
import { generate } from '@leat/connectors/memory';
import { runMapper } from '@leat/mapper';
import { runSaver } from '@leat/saver';
import {
  type Mapper,
  mapper,
  type MapperOptions,
  fetcher,
  type Pipeline,
  pipeline,
  type Saver,
  saver,
  type Sink,
  type SinkChunk,
  type StoredChunk,
} from '@leat/sdk';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { newName, type OpenPipeline } from './jetstream.ts';

const Numbered = z.object({ n: z.number() });

/** A sink in this process: what was saved, by chunk id. */
export class MemorySink implements Sink<{ n: number }> {
  readonly kind = 'memory';
  readonly chunks = new Map<string, SinkChunk>();

  /** Every record, in ascending order. */
  get numbers(): number[] {
    return [...this.chunks.values()]
      .flatMap(({ body }) => Buffer.from(body).toString().split('\n').slice(0, -1))
      .map((line) => (JSON.parse(line) as { n: number }).n)
      .toSorted((a, b) => a - b);
  }

  /** In dataset order. */
  get #sorted(): readonly SinkChunk[] {
    const first = { seq: 0, path: '' };
    return [...this.chunks.entries()]
      .map(([id, chunk]) => ({ id: parseChunkId(id) ?? first, chunk }))
      .toSorted((a, b) => compareChunkIds(a.id, b.id))
      .map(({ chunk }) => chunk);
  }

  async *#receipts(): AsyncGenerator<Receipt> {
    for (const { receipt } of this.#sorted) yield receipt;
  }

  async *#read(): AsyncGenerator<StoredChunk> {
    for (const { receipt, body } of this.#sorted) {
      const { chunk, counts } = receipt;
      yield { chunk, records: recordsOf(counts), body, isVerbatim: true };
    }
  }

  open: Sink['open'] = async () => ({
    commit: async (chunks) =>
      chunks.map((chunk) => {
        const earlier = this.chunks.get(chunk.receipt.chunk);
        if (earlier === undefined) this.chunks.set(chunk.receipt.chunk, chunk);
        return { receipt: (earlier ?? chunk).receipt, isDuplicate: earlier !== undefined };
      }),
    receipts: () => this.#receipts(),
    read: () => this.#read(),
    close: async () => undefined,
  });
}

export interface MemoryPipeline {
  readonly pipeline: Pipeline;
  readonly mapper: Mapper;
  readonly sink: MemorySink;
}

type Work = Pick<MapperOptions<typeof Numbered, typeof Numbered>, 'map' | 'flatMap' | 'mapChunk'> &
  Partial<MapperOptions<typeof Numbered, typeof Numbered>>;

/** `count` numbers, through one mapper, to memory. */
export function memoryPipeline(count: number, work: Work, chunkSize = 100): MemoryPipeline {
  const sink = new MemorySink();
  const numbers = fetcher('numbers', {
    source: generate(count, (n) => ({ n })),
    schema: Numbered,
    chunkSize,
  });
  const options = { from: numbers, schema: Numbered, ...work } as MapperOptions<
    typeof Numbered,
    typeof Numbered
  >;
  const stage = mapper('work', options);
  const out = saver('out', { from: stage, sink });
  return { pipeline: pipeline(newName(), { savers: [out] }), mapper: stage, sink };
}

/** Asks for a run. */
export async function createRun(
  { connection }: OpenPipeline,
  { pipeline: { name, spec } }: MemoryPipeline,
  run = 'run-1',
): Promise<void> {
  const createdAt = new Date().toISOString();
  const request: RunRequest = { run, pipeline: name, params: {}, spec, createdAt };
  await connection.runs.create(request);
}

export async function progressOf(
  { connection }: OpenPipeline,
  run = 'run-1',
): Promise<RunProgress | undefined> {
  return (await connection.runs.progress(run))?.progress;
}

/** Starts mappers and savers, until the test ends. */
export function startStages(
  { connection, logger }: OpenPipeline,
  { pipeline: definition, mapper: stage }: MemoryPipeline,
  pipelineFile?: string,
): void {
  const stop = new AbortController();
  const abort = new AbortController();
  const common = {
    connection,
    pipeline: definition,
    logger,
    stop: stop.signal,
    abort: abort.signal,
  };
  const out = definition.stages.find((each) => each.kind === 'saver') as Saver;
  const services = [
    runMapper({
      ...common,
      mapper: stage,
      log: { format: 'json', level: 'silent' },
      ...(pipelineFile !== undefined && { pipelineFile }),
    }),
    runSaver({ ...common, saver: out }),
  ];
  onTestFinished(async () => {
    stop.abort();
    abort.abort();
    await Promise.allSettled(services);
  });
}

/** Starts a fetcher, until the test ends. Gives the reports of the runs that it ends. */
export function startFetcher(
  { connection, logger }: OpenPipeline,
  { pipeline: definition }: MemoryPipeline,
): {
  readonly reports: RunReport[];
  readonly done: Promise<void>;
  readonly stop: () => Promise<void>;
} {
  const stop = new AbortController();
  const reports: RunReport[] = [];
  const done = runFetcher({
    connection,
    pipeline: definition,
    logger,
    stop: stop.signal,
    onEnded: ({ report }) => reports.push(report),
  });
  done.catch(() => undefined);
  const end = async (): Promise<void> => {
    stop.abort();
    await done.catch(() => undefined);
  };
  onTestFinished(end);
  return { reports, done, stop: end };
}
