/** What a stage does: cut the dataset, work on chunks, or write them. */
export type StageKind = 'fetcher' | 'mapper' | 'saver';

/** What becomes of a record of which a branch has made nothing. */
export type Missing = 'dead' | 'filter' | 'pass';

/** How a stage puts together again what parallel branches have made of each record. */
export interface JoinSpec {
  /**
   * What the branches begin with: a stage, or a branch of a route (`triage#big`), of which each gets all records; or a
   * route by its name, where each record takes some of the branches.
   */
  readonly fork: string;
  /** What each branch is called, in the order of `from`. The fork itself may stand behind them there. */
  readonly parts: readonly string[];
  readonly missing: Missing;
}

/** One stage as plain data. */
export interface StageSpec {
  readonly name: string;
  readonly kind: StageKind;
  /**
   * What this one reads: a stage by its name, a branch of a route by both (`triage#big`), or several; only a fetcher
   * has none. See `sourcesOf`.
   */
  readonly from?: string | readonly string[];
  /** Whether it has no queue: a process that works on a chunk of `from` does this stage, too, before it acknowledges. */
  readonly inline?: true;
  /** The branches of a route, in the order that gives each its place in chunk ids; any other stage has none. */
  readonly to?: readonly string[];
  /** Only for a mapper that puts branches together. */
  readonly join?: JoinSpec;
}

/**
 * A pipeline as plain data, without the user's functions: what is stored with a run, compared when the
 * run is resumed, and drawn. Stages stand in the order in which data flows through them.
 */
export interface PipelineSpec {
  readonly name: string;
  readonly stages: readonly StageSpec[];
}

/** What a stage reads: stages by their names, and branches of routes; nothing for a fetcher. */
export function sourcesOf({ from }: Pick<StageSpec, 'from'>): readonly string[] {
  if (from === undefined) return [];
  return typeof from === 'string' ? [from] : from;
}

/** What others may read of a stage: the branches of a route, and of any other the stage itself, by its name. */
export function outputsOf({ name, to }: Pick<StageSpec, 'name' | 'to'>): readonly string[] {
  return to === undefined ? [name] : to.map((branch) => outputName(name, branch));
}

/** How a stage names a branch of a route that it reads. */
export function outputName(route: string, branch: string): string {
  return `${route}#${branch}`;
}

/** The name of the stage that something belongs to that others read. */
export function stageOf(output: string): string {
  const end = output.indexOf('#');
  return end === -1 ? output : output.slice(0, end);
}

/**
 * The stages that read from a stage, or from a branch of a route, in the order that gives each its place in chunk ids.
 */
export function readersOf(spec: PipelineSpec, output: string): readonly StageSpec[] {
  return spec.stages.filter(({ from }) =>
    typeof from === 'string' ? from === output : from?.includes(output) === true,
  );
}

/** In one order: for chunk ids it does not matter in which a stage names what it reads. */
export function sourcesText(from: string | readonly string[]): string {
  return sourcesOf({ from }).toSorted().join('+');
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
    name = stageOf(upstream);
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
