import { DEFAULT_TOPOLOGY_SETTINGS, type TopologySettings } from '@leat/core';
import { generate } from '@leat/fetcher';
import {
  BusyError,
  fetcher,
  mapper,
  type Pipeline,
  pipeline,
  saver,
  TerminalError,
} from '@leat/sdk';
import { z } from 'zod';
import type { ModelSink } from './model-sink.ts';
import type { Random } from './random.ts';

const Row = z.object({ n: z.number(), k: z.number() });
type Row = z.infer<typeof Row>;

/** What a run is about, and what must have become of it at its end. */
export interface Scenario {
  readonly pipeline: Pipeline;
  readonly topology: TopologySettings;
  readonly records: number;
  readonly chunkSize: number;
  /** Replicas of each stage. */
  readonly replicas: Readonly<Record<string, number>>;
  /** The lines that every saver must hold of a chunk of the dataset. */
  readonly linesOf: (seq: number) => string[];
  /** The records that must be dead letters, as `stage n`. */
  readonly dead: ReadonlySet<string>;
  readonly filtered: number;
}

/** The kinds of record that the first mapper knows, by their number. */
const isPoison = (n: number): boolean => n % 13 === 4;
const isFiltered = (n: number): boolean => n % 7 === 3;
const isExpanded = (n: number): boolean => n % 5 === 2;

function resultsOf({ n, k }: Row): Row[] {
  if (isFiltered(n)) return [];
  return isExpanded(n) ? [0, 1, 2, 3, 4].map((more) => ({ n, k: k + more })) : [{ n, k }];
}

/** Draws a pipeline, its dataset, and how many replicas work on it. */
export function drawScenario(random: Random, sink: ModelSink): Scenario {
  const chunkSize = random.between(1, 3);
  const records = random.between(2, 25) * chunkSize - random.between(0, chunkSize - 1);
  const shape = random.pick(['line', 'line', 'line', 'fan-out', 'chain', 'direct'] as const);
  const work = random.pick(['map', 'flatMap', 'flatMap', 'mapChunk'] as const);
  const hasPoison = random.chance(0.4);
  const source = fetcher('numbers', {
    source: generate(records, (n) => ({ n, k: 0 })),
    schema: Row,
    chunkSize,
    window: random.between(2, 12),
  });
  const slowness = random.pick([0, 300, 1_500]);
  const troubles = { slowness, failureRate: random.pick([0, 0, 0.1]), hasPoison };
  const first = shape === 'direct' ? source : makeMapper(work, source, troubles);
  const last =
    shape === 'chain'
      ? mapper('again', { from: first, schema: Row, map: (row) => idle(row, slowness / 4) })
      : first;
  const names = shape === 'fan-out' ? ['left', 'right'] : ['out'];
  const savers = names.map((name) => saver(name, { from: last, sink: () => sink.sinkOf(name) }));
  const numbers = Array.from({ length: records }, (_, n) => n);
  const isWorked = shape !== 'direct';
  const isDead = (n: number): boolean => isWorked && hasPoison && isPoison(n);
  const expands = isWorked && work === 'flatMap';
  const stages = pipeline('simulated', { savers });
  return {
    pipeline: stages,
    topology: {
      ...DEFAULT_TOPOLOGY_SETTINGS,
      maxMessages: random.pick([2, 5, 50]),
      ackWaitMs: random.pick([3_000, 10_000]),
    },
    records,
    chunkSize,
    replicas: Object.fromEntries(
      stages.stages.map(({ kind, name }) => [
        name,
        kind === 'mapper' ? random.between(1, 3) : random.pick([1, 1, 2]),
      ]),
    ),
    linesOf: (seq) =>
      numbers
        .slice(seq * chunkSize, (seq + 1) * chunkSize)
        .filter((n) => !isDead(n))
        .flatMap((n) => (expands ? resultsOf({ n, k: 0 }) : [{ n, k: 0 }]))
        .map((row) => JSON.stringify(row)),
    dead: new Set(numbers.filter((n) => isDead(n)).map((n) => `work ${n}`)),
    filtered: expands ? numbers.filter((n) => isFiltered(n) && !isDead(n)).length : 0,
  };
}

interface Troubles {
  /** About how many milliseconds a record takes. */
  readonly slowness: number;
  readonly failureRate: number;
  readonly hasPoison: boolean;
}

function makeMapper(
  work: 'map' | 'flatMap' | 'mapChunk',
  from: ReturnType<typeof fetcher<typeof Row>>,
  { slowness, failureRate, hasPoison }: Troubles,
): ReturnType<typeof mapper<typeof Row, typeof Row>> {
  const retry = { attempts: 30, initialDelayMs: 20, maxDelayMs: 500 };
  const common = { from, schema: Row, retry, concurrency: 4 };
  const suffer = (row: Row): void => {
    if (hasPoison && isPoison(row.n)) throw new TerminalError('poison');
    if (Math.random() >= failureRate) return;
    throw Math.random() < 0.5 ? new BusyError('try later') : new Error('bad luck');
  };
  if (work === 'map') {
    return mapper('work', {
      ...common,
      map: (row) => {
        suffer(row);
        return idle(row, slowness);
      },
    });
  }
  if (work === 'mapChunk') {
    return mapper('work', {
      ...common,
      mapChunk: (rows) => {
        for (const row of rows) suffer(row);
        return idle(rows, slowness);
      },
    });
  }
  return mapper('work', {
    ...common,
    flatMap: async (row) => {
      await idle(row, slowness);
      suffer(row);
      return resultsOf(row);
    },
  });
}

/** Takes its time, now and then much longer than the acknowledgement window. */
function idle<T>(value: T, aboutMs: number): T | Promise<T> {
  if (aboutMs === 0) return value;
  const ms = aboutMs * 2 * Math.random() * (Math.random() < 0.02 ? 10 : 1);
  return new Promise((resolve) => {
    setTimeout(() => resolve(value), ms);
  });
}
