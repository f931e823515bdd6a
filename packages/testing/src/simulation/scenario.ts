import { DEFAULT_TOPOLOGY_SETTINGS, type TopologySettings } from '@leat/core';
import type { Pipeline } from '@leat/sdk';
import { Dataset, isPoison } from './dataset.ts';
import type { ModelSink } from './model/model-sink.ts';
import { type Design, type PipelineFile, pipelineOf, SHAPES } from './pipeline-file.ts';
import type { Random } from './random.ts';

/** What a run is about, and what must have become of it at its end. */
export interface Scenario {
  /** The file that the run is begun with, and what it exports. */
  readonly file: PipelineFile;
  readonly pipeline: Pipeline;
  /** What another file exports. */
  readonly pipelineOf: (file: PipelineFile) => Pipeline;
  readonly design: Design;
  readonly dataset: Dataset;
  readonly topology: TopologySettings;
  /** Whether the user chose the run's id. */
  readonly isIdGiven: boolean;
  /** Replicas of each stage. */
  readonly replicas: Readonly<Record<string, number>>;
  /** The records that must be dead letters, as `stage n`. */
  readonly dead: ReadonlySet<string>;
}

/** What is settled before the rest is drawn. */
export interface Given {
  readonly name: string;
  readonly place: string;
  /** As in another scenario, so that its savers have the same names. */
  readonly shape?: Design['shape'];
}

/** Draws a pipeline, its dataset, and how many replicas work on it. */
export function drawScenario(random: Random, sink: ModelSink, given: Given): Scenario {
  const chunkSize = random.between(1, 3);
  const records = random.between(2, 25) * chunkSize - random.between(0, chunkSize - 1);
  const drawn = random.pick(SHAPES);
  const shape = given.shape ?? drawn;
  const work = random.pick(['map', 'flatMap', 'flatMap', 'mapChunk'] as const);
  const hasPoison = random.chance(0.4);
  const window = random.between(2, 12);
  const slowness = random.pick([0, 300, 1_500]);
  const troubles = { slowness, failureRate: random.pick([0, 0, 0.1]), hasPoison };
  const isWorked = shape !== 'direct';
  const isDead = (n: number): boolean => isWorked && hasPoison && isPoison(n);
  const dataset = new Dataset({ records, chunkSize }, isWorked && work === 'flatMap', isDead);
  const saverAt = random.between(0, 1);
  const { name, place } = given;
  const design = { name, shape, work, window, troubles, dataset, sink, saverAt };
  // The fewer bytes still hold every chunk of the dataset, and not every expansion.
  const limits = { chunkSize, maxBytes: random.pick([512 * 1024, 512 * 1024, 64]) };
  const file: PipelineFile = { graph: 'own', limits, place };
  const pipeline = pipelineOf(design, file);
  return {
    file,
    pipeline,
    pipelineOf: (other) => pipelineOf(design, other),
    design,
    dataset,
    topology: {
      ...DEFAULT_TOPOLOGY_SETTINGS,
      maxMessages: random.pick([2, 5, 50]),
      ackWaitMs: random.pick([3_000, 10_000]),
    },
    isIdGiven: random.chance(0.5),
    replicas: Object.fromEntries(
      pipeline.stages.map(({ kind, name: stage }) => [
        stage,
        kind === 'mapper' ? random.between(1, 3) : random.pick([1, 1, 2]),
      ]),
    ),
    dead: new Set(dataset.dead.map((n) => `work ${n}`)),
  };
}
