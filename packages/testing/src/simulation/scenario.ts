import type { GivenParams, TopologySettings } from '@leat/core';
import type { Pipeline } from '@leat/sdk';
import type { Dataset, DatasetRecord } from './expected/dataset.ts';
import type { Fate } from './expected/fate.ts';
import type { HooksSeen } from './hooks-seen.ts';
import type { ModelSink } from './model/model-sink.ts';
import type { PipelineFile } from './pipeline-file.ts';
import type { Random } from './random.ts';

/** What a run is about, and what must have become of it at its end. */
export interface Scenario {
  /** The file that the run is begun with, and what it exports. */
  readonly file: PipelineFile;
  readonly pipeline: Pipeline;
  /** What another file exports. */
  readonly pipelineOf: (file: PipelineFile) => Pipeline;
  /** The saver that a graph has more. */
  readonly extra: string;
  readonly dataset: Dataset;
  /** What must become of a record. */
  readonly fateOf: (record: DatasetRecord) => Promise<Fate>;
  readonly hooks: HooksSeen;
  readonly topology: TopologySettings;
  readonly params: GivenParams;
  /** Whether the user chose the run's id. */
  readonly isIdGiven: boolean;
  /** Replicas of each stage. */
  readonly replicas: Readonly<Record<string, number>>;
}

/** What is settled before the rest is drawn. */
export interface Given {
  readonly name: string;
  readonly place: string;
  /** Another pipeline of the same world, whose savers have the same names. */
  readonly like?: Scenario;
}

/** Draws a pipeline, its dataset, and how many replicas work on it. */
export type Draw = (random: Random, sink: ModelSink, given: Given) => Scenario;
