import { DEFAULT_TOPOLOGY_SETTINGS } from '@leat/core';
import { createLogger } from '@leat/runtime';
import {
  Dataset,
  type Draw,
  extraNameFor,
  HooksSeen,
  type Given,
  type ModelSink,
  type PipelineFile,
  pipelineOf,
  PlainEvaluation,
  type Random,
  type Scenario,
} from '@leat/testing/simulation';
import { ownPipeline, type OwnWork, type Shape, SHAPES, WORKS } from './own-pipeline.ts';
import { isPoison, rows } from './rows.ts';

const logger = createLogger({ format: 'json', level: 'silent' });

interface OwnScenario extends Scenario {
  readonly shape: Shape;
}

/** What is to be drawn more often than by chance, for what is to be found. */
export interface Bias {
  readonly shapes?: readonly Shape[];
  readonly works?: readonly OwnWork[];
  /** How often records may die at one execution and live at the next. */
  readonly fickleness?: number;
  /** Whether routes say something else each time. */
  readonly isImpure?: boolean;
  /** How often runs have a hook at their end. */
  readonly hooked?: number;
  /** How many chunks a queue takes. */
  readonly queue?: number;
}

/** Draws a pipeline, its dataset, and how many replicas work on it. */
export const drawScenario: Draw = (random, sink, given) => draw(random, sink, given, {});

/** As {@link drawScenario}, where something is drawn more often. */
export function drawWith(bias: Bias): Draw {
  return (random, sink, given) => draw(random, sink, given, bias);
}

function draw(
  random: Random,
  sink: ModelSink,
  { name, place, like }: Given,
  { shapes = SHAPES, works = WORKS, fickleness = 0.5, isImpure = false, hooked = 0.3, queue }: Bias,
): OwnScenario {
  const chunkSize = random.between(1, 3);
  const records = random.between(2, 25) * chunkSize - random.between(0, chunkSize - 1);
  const drawn = random.pick(shapes);
  const shape = (like as OwnScenario | undefined)?.shape ?? drawn;
  const work = random.pick(works);
  const hasPoison = random.chance(0.4);
  const window = random.between(2, 12);
  const slowness = random.pick([0, 300, 1_500]);
  // Never alone in its chunk, nor where its death or life may decide whether the chunk is cut.
  const isDivided = shape === 'fan-out' && work !== 'flatMap' && chunkSize > 1;
  const mayBeFickle = isDivided && random.chance(fickleness);
  const isFickle = (n: number): boolean =>
    mayBeFickle && n % (2 * chunkSize) === 0 && n + 1 < records && !isPoison(n) && !isPoison(n + 1);
  const recovers = random.chance(0.5);
  const troubles = {
    slowness,
    failureRate: random.pick([0, 0, 0.1]),
    hasPoison,
    recovers,
    isFickle,
    isImpure,
  };
  const inline = new Set(['again', 'left', 'right', 'out'].filter(() => random.chance(0.5)));
  const pipeline = ownPipeline(shape, work, troubles, inline);
  const saverAt = random.between(0, 1);
  // The fewer bytes still hold every chunk of the dataset, and not every expansion.
  const limits = { chunkSize, maxBytes: random.pick([512 * 1024, 512 * 1024, 64]) };
  const dataset = new Dataset(rows(records), limits);
  const hooks = new HooksSeen(random.chance(hooked));
  const source = () => dataset.source();
  const design = { pipeline, name, window, source, sink, hooks, saverAt };
  const file: PipelineFile = { graph: 'own', limits, place };
  const run = { id: 'run', pipeline: name, params: {} };
  // What goes right in the end goes right at once where nobody disturbs.
  const calm = { ...troubles, slowness: 0, failureRate: 0, isFickle: () => false };
  const plain = ownPipeline(shape, work, calm, inline);
  const evaluation = new PlainEvaluation(plain, run, logger);
  return {
    shape,
    file,
    pipeline: pipelineOf(design, file),
    pipelineOf: (other) => pipelineOf(design, other),
    extra: extraNameFor(pipeline),
    dataset,
    fateOf: async ({ index, line }) => {
      const fate = await evaluation.of(line, { chunk: `${index}`, position: `${index}` });
      if (!isFickle(index)) return fate;
      return fate.map((step) => Object.assign(step, { isInDoubt: step.stage === 'work' }));
    },
    hooks,
    topology: {
      ...DEFAULT_TOPOLOGY_SETTINGS,
      maxMessages: queue ?? random.pick([2, 5, 50]),
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
}
