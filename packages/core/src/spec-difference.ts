import { type JoinSpec, type PipelineSpec, sourcesText, type StageSpec } from './spec.ts';

/**
 * A graph in one line: `numbers numbers>squares squares>files`. What reads from several has a `+` between them, and a
 * route names its branches: `squares>sizes(large|small) sizes#large>files`. A join names its branches and the fork:
 * `face+match>kyc[face&match of photos, dead]`.
 */
export function drawGraph({ stages }: PipelineSpec): string {
  return stages
    .map(({ name, from, to, join }) => {
      const branches = to === undefined ? '' : `(${to.join('|')})`;
      return `${from === undefined ? '' : `${sourcesText(from)}>`}${name}${branches}${joinText(join)}`;
    })
    .join(' ');
}

function joinText(join: JoinSpec | undefined): string {
  return join === undefined ? '' : `[${join.parts.join('&')} of ${join.fork}, ${join.missing}]`;
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
  const [before, after] = [whatStagesRead(stored), whatStagesRead(present)];
  const changes: string[] = [];
  for (const name of after.keys()) if (!before.has(name)) changes.push(`${name} was added`);
  for (const [name, from] of before) {
    const now = after.get(name);
    if (now === undefined) changes.push(`${name} is gone`);
    else if (now !== from) changes.push(`${name} reads from ${now} and no longer from ${from}`);
  }
  for (const was of stored.stages) {
    const is = present.stages.find(({ name }) => name === was.name);
    if (is !== undefined) changes.push(...outputChanges(was, is));
  }
  return changes.length === 0 ? 'the order of the stages is another one' : changes.join(', ');
}

/** What a stage divides its records among, or puts together, and no longer does. */
function outputChanges(was: StageSpec, is: StageSpec): string[] {
  const changes: string[] = [];
  const [to, now] = [branchesOf(was.to), branchesOf(is.to)];
  if (to !== now) changes.push(`${was.name} has ${now} and no longer ${to}`);
  const [join, joins] = [joinText(was.join), joinText(is.join)];
  if (join !== joins) {
    changes.push(
      `${was.name} puts together ${joins || 'nothing'} and no longer ${join || 'nothing'}`,
    );
  }
  return changes;
}

function whatStagesRead({ stages }: PipelineSpec): ReadonlyMap<string, string> {
  return new Map(stages.map(({ name, from = 'nothing' }) => [name, sourcesText(from)]));
}

function branchesOf(to: readonly string[] = []): string {
  return to.length === 0 ? 'no branches' : `the branches ${to.join(', ')}`;
}
