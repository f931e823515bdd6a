import { LeatError } from './errors.ts';
import { checkName } from './names.ts';

/** What a stage does: cut the dataset, work on chunks, or write them. */
export type StageKind = 'fetcher' | 'mapper' | 'saver';

/** One stage as plain data. */
export interface StageSpec {
  readonly name: string;
  readonly kind: StageKind;
  /** What this one reads from: the name of a stage, or of several; only a fetcher has none. See `sourcesOf`. */
  readonly from?: string | readonly string[];
  /** Whether it has no queue: a process that works on a chunk of `from` does this stage, too, before it acknowledges. */
  readonly inline?: true;
}

/**
 * A pipeline as plain data, without the user's functions: what is stored with a run, compared when the
 * run is resumed, and drawn. Stages stand in the order in which data flows through them.
 */
export interface PipelineSpec {
  readonly name: string;
  readonly stages: readonly StageSpec[];
}

/**
 * Checks that the stages form one graph: one fetcher, unique names, every `from` known and earlier, and
 * every path ending in a saver.
 *
 * @throws LeatError `invalid-name` or `invalid-pipeline`
 */
export function checkSpec(spec: PipelineSpec): void {
  const refuse = (sentence: string): never => {
    throw new LeatError(
      'invalid-pipeline',
      `The pipeline ${JSON.stringify(spec.name)} ${sentence}`,
    );
  };
  checkName('pipeline', spec.name);
  const seen = new Map<string, StageSpec>();
  for (const stage of spec.stages) {
    checkName('stage', stage.name);
    if (seen.has(stage.name)) refuse(`has two stages named ${JSON.stringify(stage.name)}.`);
    const fault = faultOfLink(stage, seen);
    if (fault !== undefined) refuse(fault);
    seen.set(stage.name, stage);
  }
  const fetchers = spec.stages.filter((stage) => stage.kind === 'fetcher');
  if (fetchers.length !== 1) refuse(`needs exactly one fetcher and has ${fetchers.length}.`);
  for (const stage of spec.stages) {
    if (stage.kind !== 'saver' && readersOf(spec, stage.name).length === 0) {
      refuse(`has a ${stage.kind} ${stage.name} that no stage reads from.`);
    }
  }
}

/** What is wrong with what a stage reads from, and how. */
function faultOfLink(stage: StageSpec, seen: ReadonlyMap<string, StageSpec>): string | undefined {
  const { name, kind, from, inline } = stage;
  if (kind === 'fetcher') {
    return from === undefined ? undefined : `lets its fetcher ${name} read from ${textOf(from)}.`;
  }
  const sources = sourcesOf(stage);
  if (sources.length === 0) return `has a stage ${name} that reads from no stage before it.`;
  const twice = sources.find((source, nth) => sources.indexOf(source) !== nth);
  if (twice !== undefined) return `has a stage ${name} that reads ${twice} twice.`;
  for (const source of sources) {
    const upstream = seen.get(source);
    if (upstream === undefined) {
      return `has a stage ${name} that reads from no stage before it (${source}).`;
    }
    if (upstream.kind === 'saver') {
      return `has a stage ${name} that reads from the saver ${upstream.name}.`;
    }
    if (inline === true && upstream.kind !== 'mapper') {
      return `has an inline ${kind} ${name} that reads from the fetcher ${upstream.name}, which works on no chunks: leave out its inline, or let it read from a mapper.`;
    }
  }
  if (inline !== true || sources.length === 1) return undefined;
  return `has an inline ${kind} ${name} that reads from ${listOf(sources)}, which processes of their own work on: leave out its inline.`;
}

/** The names of what a stage reads from; none for a fetcher. */
export function sourcesOf({ from }: Pick<StageSpec, 'from'>): readonly string[] {
  if (from === undefined) return [];
  return typeof from === 'string' ? [from] : from;
}

/** The stages that read from `stage`, in the order that gives each its place in chunk ids. */
export function readersOf(spec: PipelineSpec, stage: string): readonly StageSpec[] {
  return spec.stages.filter(({ from }) =>
    typeof from === 'string' ? from === stage : from?.includes(stage) === true,
  );
}

/** In one order: for chunk ids it does not matter in which a stage names what it reads. */
function textOf(from: string | readonly string[]): string {
  return sourcesOf({ from }).toSorted().join('+');
}

/** `a and b`, or `a, b and c`. */
function listOf(names: readonly string[]): string {
  return [names.slice(0, -1).join(', '), names.at(-1)].join(' and ');
}

/** The stages that have a queue in front of them, upstream before downstream. */
export function queuedStages(spec: PipelineSpec): readonly StageSpec[] {
  return spec.stages.filter((stage) => stage.kind !== 'fetcher' && stage.inline !== true);
}

/** The stage on whose queue a stage's chunks come: itself, or the one that an inline stage is worked on with. */
export function hostOf(spec: PipelineSpec, stage: string): string {
  let name = stage;
  for (;;) {
    const { inline, from } = spec.stages.find((each) => each.name === name) ?? {};
    const [upstream] = sourcesOf({ ...(from !== undefined && { from }) });
    if (inline !== true || upstream === undefined) return name;
    name = upstream;
  }
}

/** The inline stages that are worked on with a stage, upstream before downstream. */
export function inlineStagesOf(spec: PipelineSpec, host: string): readonly StageSpec[] {
  return spec.stages.filter(({ name, inline }) => inline === true && hostOf(spec, name) === host);
}

/** A stage with a queue, or without one. */
export function linked(stage: StageSpec, isInline: boolean): StageSpec {
  const { inline: _, ...rest } = stage;
  return isInline ? { ...rest, inline: true } : rest;
}

/** A graph with the queues of another one: of its stages, those are inline that are inline there. */
export function withLinksOf(spec: PipelineSpec, other: PipelineSpec): PipelineSpec {
  const inline = new Set(other.stages.filter((stage) => stage.inline).map(({ name }) => name));
  const stages = spec.stages.map((stage) => linked(stage, inline.has(stage.name)));
  return { ...spec, stages };
}

/** A graph in one line: `numbers numbers>squares squares>files`; what reads from several has a `+` between them. */
export function drawGraph({ stages }: PipelineSpec): string {
  return stages
    .map((s) => (s.from === undefined ? s.name : `${textOf(s.from)}>${s.name}`))
    .join(' ');
}

/**
 * What differs between the graph that a run was started with and the present one, as a sentence, or
 * `undefined` when chunk ids mean the same in both, and the same stages have queues.
 */
export function specDifference(stored: PipelineSpec, present: PipelineSpec): string | undefined {
  const [was, is] = [drawGraph(stored), drawGraph(present)];
  if (was === is) return linkChanges(stored, present);
  const changes = stageChanges(stored, present);
  return `it was started as "${was}" and the pipeline is now "${is}" (${changes})`;
}

/** Which stages of a graph have lost their queues, or got them. */
function linkChanges(stored: PipelineSpec, present: PipelineSpec): string | undefined {
  const changes = present.stages.flatMap(({ name, kind, inline }) => {
    const before = stored.stages.find((stage) => stage.name === name);
    if (before?.inline === inline) return [];
    return `the ${kind} ${name} is ${inline === true ? 'inline now' : 'no longer inline'}`;
  });
  return changes.length === 0 ? undefined : changes.join(', ');
}

/** What was done to the stages of a graph to make another one of it. */
function stageChanges(stored: PipelineSpec, present: PipelineSpec): string {
  const sources = ({ stages }: PipelineSpec): ReadonlyMap<string, string> =>
    new Map(stages.map(({ name, from = 'nothing' }) => [name, textOf(from)]));
  const [before, after] = [sources(stored), sources(present)];
  const changes: string[] = [];
  for (const name of after.keys()) if (!before.has(name)) changes.push(`${name} was added`);
  for (const [name, from] of before) {
    const now = after.get(name);
    if (now === undefined) changes.push(`${name} is gone`);
    else if (now !== from) changes.push(`${name} reads from ${now} and no longer from ${from}`);
  }
  return changes.length === 0 ? 'the order of the stages is another one' : changes.join(', ');
}
