import { DEFAULT_TOPOLOGY_SETTINGS } from '@leat/core';
import { createLogger } from '@leat/runtime';
import {
  Dataset,
  type Draw,
  extraNameFor,
  type PipelineFile,
  pipelineOf,
  PlainEvaluation,
  type Scenario,
} from '@leat/testing/simulation';
import { ownPipeline, type Shape, SHAPES } from './own-pipeline.ts';
import { rows } from './rows.ts';

const logger = createLogger({ format: 'json', level: 'silent' });

interface OwnScenario extends Scenario {
  readonly shape: Shape;
}

/** Draws a pipeline, its dataset, and how many replicas work on it. */
export const drawScenario: Draw = (random, sink, { name, place, like }): OwnScenario => {
  const chunkSize = random.between(1, 3);
  const records = random.between(2, 25) * chunkSize - random.between(0, chunkSize - 1);
  const drawn = random.pick(SHAPES);
  const shape = (like as OwnScenario | undefined)?.shape ?? drawn;
  const work = random.pick(['map', 'enrich', 'flatMap', 'flatMap', 'mapChunk'] as const);
  const hasPoison = random.chance(0.4);
  const window = random.between(2, 12);
  const slowness = random.pick([0, 300, 1_500]);
  const troubles = { slowness, failureRate: random.pick([0, 0, 0.1]), hasPoison };
  const inline = new Set(['again', 'left', 'right', 'out'].filter(() => random.chance(0.5)));
  const pipeline = ownPipeline(shape, work, troubles, inline);
  const saverAt = random.between(0, 1);
  // The fewer bytes still hold every chunk of the dataset, and not every expansion.
  const limits = { chunkSize, maxBytes: random.pick([512 * 1024, 512 * 1024, 64]) };
  const dataset = new Dataset(rows(records), limits);
  const design = { pipeline, name, window, source: () => dataset.source(), sink, saverAt };
  const file: PipelineFile = { graph: 'own', limits, place };
  const run = { id: 'run', pipeline: name, params: {} };
  // What goes right in the end goes right at once where nobody disturbs.
  const calm = { ...troubles, slowness: 0, failureRate: 0 };
  const plain = ownPipeline(shape, work, calm, inline);
  const evaluation = new PlainEvaluation(plain, run, logger);
  return {
    shape,
    file,
    pipeline: pipelineOf(design, file),
    pipelineOf: (other) => pipelineOf(design, other),
    extra: extraNameFor(pipeline),
    dataset,
    fateOf: ({ index, line }) => evaluation.of(line, { chunk: `${index}`, position: `${index}` }),
    topology: {
      ...DEFAULT_TOPOLOGY_SETTINGS,
      maxMessages: random.pick([2, 5, 50]),
      ackWaitMs: random.pick([3_000, 10_000]),
    },
    params: {},
    isIdGiven: random.chance(0.5),
    replicas: Object.fromEntries(
      pipeline.stages.map(({ kind, name: stage }) => [
        stage,
        kind === 'mapper' ? random.between(1, 3) : random.pick([1, 1, 2]),
      ]),
    ),
  };
};
