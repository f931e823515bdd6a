import { checkName, queuedStages, streamName } from '@leat/core';
import { isEnded } from '@leat/core';
import type { Examination } from './seen.ts';
import type { PipelineSpec } from '@leat/core';
import { type Topology, topologyOf, type TopologySettings } from '@leat/core';

/** What a pipeline should have on the server, from its file or from what is there of it. */
export interface Expected {
  readonly pipeline: string;
  readonly topology: Topology;
}

/** Whether a stream is Leat's by its name, and of that pipeline if one is given. */
export function isStreamOf(name: string, pipeline?: string): boolean {
  const bare = name.replace(/^(?:KV|OBJ)_(?=leat_)/, '');
  if (pipeline === undefined) return bare.startsWith('leat_');
  return bare === `leat_${pipeline}` || bare.startsWith(streamName(pipeline, ''));
}

/** Whether a stream is behind a key-value bucket or an object store. */
export function isBucketStream(name: string): boolean {
  return /^(?:KV|OBJ)_leat_/.test(name);
}

/**
 * What should be on the server: for one pipeline as its file has it; without a file for each pipeline
 * that has a stream there or a run that has not ended.
 */
export function expectedOf(
  seen: Examination,
  spec: PipelineSpec | undefined,
  settings: TopologySettings,
): Expected[] {
  if (spec !== undefined) return [{ pipeline: spec.name, topology: topologyOf(spec, settings) }];
  const stages = new Map<string, Set<string>>();
  const add = (pipeline: string, ...names: readonly string[]): void => {
    const known = stages.get(pipeline) ?? new Set();
    for (const name of names) known.add(name);
    stages.set(pipeline, known);
  };
  for (const name of [...seen.streams.map(({ config }) => config.name), ...namesOf(seen)]) {
    const [, pipeline = '', stage = ''] = /^leat_([^_]+)_([^_]+)$/.exec(name) ?? [];
    if (isName(pipeline, stage)) add(pipeline, stage);
    else if (pipeline !== '' && (stage === 'receipts' || stage === 'dead')) add(pipeline);
  }
  for (const { state, spec: known } of seen.runs ?? []) {
    if (!isEnded(state)) add(known.name, ...queuedStages(known).map(({ name }) => name));
  }
  return [...stages].map(([pipeline, names]) => {
    // Of the graph nothing more is needed here than which stages have a queue.
    const queued = [...names].map((name) => ({ name, kind: 'mapper' as const }));
    return { pipeline, topology: topologyOf({ name: pipeline, stages: queued }, settings) };
  });
}

function namesOf({ unavailable }: Examination): string[] {
  return unavailable.map(({ name }) => name);
}

function isName(pipeline: string, stage: string): boolean {
  try {
    checkName('pipeline', pipeline);
    checkName('stage', stage);
    return true;
  } catch {
    return false;
  }
}
