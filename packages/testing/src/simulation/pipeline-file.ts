import type { ChunkLimits } from '@leat/core';
import { type Pipeline, pipeline, type Saver, saver, type Source, type Sources } from '@leat/sdk';
import { copyingFrom } from '../copy-stages.ts';
import type { HooksSeen } from './hooks-seen.ts';
import type { ModelSink } from './model/model-sink.ts';

/** What stands in the pipeline file that a process is started with, as far as people change it. */
export interface PipelineFile {
  /** The run's own graph, or one with a saver more or, where there are two, less. */
  readonly graph: 'own' | 'more' | 'less';
  readonly limits: ChunkLimits;
  /** The table or folder that its savers write to. */
  readonly place: string;
  /** Whether the process is of a version of Leat to come. */
  readonly isAhead?: boolean;
}

/** What is the same in all files of a pipeline. */
export interface Design {
  /** The pipeline as its author made it. */
  readonly pipeline: Pipeline;
  /** Its name in the simulation. */
  readonly name: string;
  readonly window: number;
  /** What is read in the place of its source. */
  readonly source: () => Source<unknown>;
  /** What is written to in the place of its sinks. */
  readonly sink: ModelSink;
  /** What its runs do when they end, in the place of what its author wants. */
  readonly hooks: HooksSeen;
  /** Which saver a graph has less, and where one stands that it has more: 0 is the front. */
  readonly saverAt: number;
}

/** A name for the saver that a graph has more. */
export function extraNameFor({ stages }: Pipeline): string {
  let name = 'extra';
  while (stages.some((stage) => stage.name === name)) name += '-x';
  return name;
}

/** Makes the pipeline that a file exports. */
export function pipelineOf(design: Design, file: PipelineFile): Pipeline {
  const { pipeline: own, name, sink, saverAt } = design;
  const { graph, place } = file;
  const { fetcher } = own;
  const { window, source, hooks } = design;
  const copyOf = copyingFrom({ ...fetcher, ...file.limits, window, source });
  const saverOf = (called: string, from: Sources, inline = false): Saver =>
    saver(called, { from: copyOf(from), sink: () => sink.sinkAt(place), inline });
  const given = own.stages.filter((stage) => stage.kind === 'saver');
  const savers = given.map((each) => saverOf(each.name, each.from, each.inline));
  const [first] = given;
  if (graph === 'more' && first !== undefined) {
    savers.splice(saverAt, 0, saverOf(extraNameFor(own), first.from));
  }
  if (graph === 'less') savers.splice(saverAt, 1);
  if (!hooks.isWanted) return pipeline(name, { savers });
  return pipeline(name, { savers, finally: ({ hook }, { state }) => hooks.call(hook, state) });
}
