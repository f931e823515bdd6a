import { DEFAULT_TOPOLOGY_SETTINGS, type GivenParams } from '@leat/core';
import type { Pipeline } from '@leat/sdk';
import { Dataset } from './expected/dataset.ts';
import type { Foreknown } from './foreknown.ts';
import { HooksSeen } from './hooks-seen.ts';
import { extraNameFor, type PipelineFile, pipelineOf } from './pipeline-file.ts';
import type { Draw } from './scenario.ts';

/** Enough chunks that some are saved and some are not whenever something happens. */
const MOST_CHUNKS = 25;

/** Draws how a user's pipeline is run: how its records are cut, how many replicas it has, and its limits. */
export function drawFor(
  pipeline: Pipeline,
  params: GivenParams,
  { source, count, fates, longestLine }: Foreknown,
): Draw {
  return (random, sink, { name, place }) => {
    const chunkSize = Math.ceil(count / random.between(2, MOST_CHUNKS));
    // The fewer bytes still hold every chunk of the dataset, and not every expansion.
    const fewBytes = chunkSize * longestLine;
    const maxBytes = random.pick([512 * 1024, 512 * 1024, Math.max(64, fewBytes)]);
    const limits = { chunkSize, maxBytes };
    const dataset = new Dataset([source], limits);
    const savers = pipeline.stages.filter(({ kind }) => kind === 'saver').length;
    const hooks = new HooksSeen(random.chance(0.3));
    const design = {
      pipeline,
      name,
      window: random.between(2, 12),
      source: () => dataset.source(),
      sink,
      hooks,
      saverAt: random.between(0, savers - 1),
    };
    const file: PipelineFile = { graph: 'own', limits, place };
    const topology = {
      ...DEFAULT_TOPOLOGY_SETTINGS,
      maxMessages: random.pick([2, 5, 50]),
      ackWaitMs: random.pick([3_000, 10_000]),
    };
    const replicas = pipeline.stages.map(({ kind, name: stage }) => [
      stage,
      kind === 'mapper' ? random.between(1, 3) : random.pick([1, 1, 2]),
    ]);
    return {
      file,
      pipeline: pipelineOf(design, file),
      pipelineOf: (other) => pipelineOf(design, other),
      extra: extraNameFor(pipeline),
      dataset,
      fateOf: ({ index }) => Promise.resolve(fates.get(index) ?? []),
      hooks,
      topology,
      params,
      isIdGiven: random.chance(0.5),
      replicas: Object.fromEntries(replicas) as Record<string, number>,
    };
  };
}
