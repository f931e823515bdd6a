import { linked, readersOf, withLinksOf } from '@leat/core';
import type { Pipeline } from '@leat/sdk';

/**
 * A pipeline as it is run by one process alone: the only reader of a mapper, or of a branch, needs no queue, unless its
 * author says `inline: false`.
 */
export function withoutNeedlessQueues(pipeline: Pipeline): Pipeline {
  const { spec, stages } = pipeline;
  const isNeedless = (name: string): boolean => {
    const stage = stages.find((each) => each.name === name);
    if (stage === undefined || stage.kind === 'fetcher') return false;
    const [from, ...others] = stage.from;
    const isAlone =
      from.kind !== 'fetcher' && others.length === 0 && readersOf(spec, from.name).length === 1;
    return stage.inline ?? isAlone;
  };
  const all = spec.stages.map((stage) => linked(stage, isNeedless(stage.name)));
  return { ...pipeline, spec: { ...spec, stages: all } };
}

/** A pipeline with the queues that a run was begun with, which it keeps. */
export function withLinksOfRun(pipeline: Pipeline, request: Pick<Pipeline, 'spec'>): Pipeline {
  return { ...pipeline, spec: withLinksOf(pipeline.spec, request.spec) };
}
