import { LeatError } from './errors.ts';
import { faultOfRegion, regionsOf } from './region.ts';
import { checkName } from './names.ts';
import {
  outputsOf,
  type PipelineSpec,
  readersOf,
  sourcesOf,
  sourcesText,
  stageOf,
  type StageSpec,
} from './spec.ts';

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
    const fault = faultOfBranches(stage) ?? faultOfLink(stage, seen) ?? faultOfJoin(stage, seen);
    if (fault !== undefined) refuse(fault);
    seen.set(stage.name, stage);
  }
  for (const region of regionsOf(spec)) {
    const fault = faultOfRegion(spec, region);
    if (fault !== undefined) refuse(fault);
  }
  const fetchers = spec.stages.filter((stage) => stage.kind === 'fetcher');
  if (fetchers.length !== 1) refuse(`needs exactly one fetcher and has ${fetchers.length}.`);
  for (const stage of spec.stages) {
    const unread = outputsOf(stage).find((output) => readersOf(spec, output).length === 0);
    if (stage.kind === 'saver' || unread === undefined) continue;
    const what = stage.to === undefined ? `${stage.kind} ${unread}` : `branch ${unread}`;
    refuse(`has a ${what} that no stage reads from.`);
  }
}

/** What is wrong with the branches of a stage. */
function faultOfBranches({ name, kind, to }: StageSpec): string | undefined {
  if (to === undefined) return undefined;
  for (const branch of to) checkName('branch', branch);
  if (kind !== 'mapper') return `has a ${kind} ${name} with branches, which only a route has.`;
  if (to.length === 0) return `has a route ${name} without a branch.`;
  const twice = to.find((branch, nth) => to.indexOf(branch) !== nth);
  return twice === undefined ? undefined : `has a route ${name} with two branches named ${twice}.`;
}

/** What is wrong with what a stage puts together. */
function faultOfJoin(stage: StageSpec, seen: ReadonlyMap<string, StageSpec>): string | undefined {
  const { name, kind, join } = stage;
  if (join === undefined) return undefined;
  const { fork, parts, missing } = join;
  if (kind !== 'mapper')
    return `has a ${kind} ${name} that joins branches, which only a join does.`;
  for (const part of parts) checkName('branch', part);
  if (parts.length < 2) {
    return `has a join ${name} of one branch: it needs at least two.`;
  }
  const sources = sourcesOf(stage);
  const isForkRead = sources.length === parts.length + 1 && sources.at(-1) === fork;
  const forking = seen.get(stageOf(fork));
  const isKnown = forking !== undefined && [forking.name, ...outputsOf(forking)].includes(fork);
  if (!isKnown || (sources.length !== parts.length && !isForkRead)) {
    return `has a join ${name} of ${parts.join(', ')}, whose branches do not begin with the stage ${fork}.`;
  }
  if (fork !== forking.name || forking.to === undefined || missing === 'pass') return undefined;
  return `has a join ${name} of branches of the route ${fork}, which not every record takes: its missing must be 'pass'.`;
}

/** What is wrong with what a stage reads from, and how. */
function faultOfLink(stage: StageSpec, seen: ReadonlyMap<string, StageSpec>): string | undefined {
  const { name, kind, from, inline } = stage;
  if (kind === 'fetcher') {
    return from === undefined
      ? undefined
      : `lets its fetcher ${name} read from ${sourcesText(from)}.`;
  }
  const sources = sourcesOf(stage);
  if (sources.length === 0) return `has a stage ${name} that reads from no stage before it.`;
  const twice = sources.find((source, nth) => sources.indexOf(source) !== nth);
  if (twice !== undefined) return `has a stage ${name} that reads ${twice} twice.`;
  for (const source of sources) {
    const fault = faultOfSource(stage, source, seen.get(stageOf(source)));
    if (fault !== undefined) return fault;
  }
  if (inline !== true || sources.length === 1) return undefined;
  return `has an inline ${kind} ${name} that reads from ${listOf(sources)}, which processes of their own work on: leave out its inline.`;
}

/** What is wrong with one of those that a stage reads. */
function faultOfSource(
  { name, kind, inline }: StageSpec,
  source: string,
  upstream: StageSpec | undefined,
): string | undefined {
  if (upstream?.kind === 'saver') {
    return `has a stage ${name} that reads from the saver ${upstream.name}.`;
  }
  if (upstream?.to !== undefined && source === upstream.name) {
    return `has a stage ${name} that reads from the route ${source}, and not from one of its branches (${outputsOf(upstream).join(', ')}).`;
  }
  if (upstream === undefined || !outputsOf(upstream).includes(source)) {
    return `has a stage ${name} that reads from no stage before it (${source}).`;
  }
  if (inline !== true || upstream.kind === 'mapper') return undefined;
  return `has an inline ${kind} ${name} that reads from the fetcher ${upstream.name}, which works on no chunks: leave out its inline, or let it read from a mapper.`;
}

/** `a and b`, or `a, b and c`. */
function listOf(names: readonly string[]): string {
  return [names.slice(0, -1).join(', '), names.at(-1)].join(' and ');
}
