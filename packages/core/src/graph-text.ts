import { type PipelineSpec, sourcesOf, stageOf, type StageKind, type StageSpec } from './spec.ts';

/** How a graph can be written: Mermaid and Graphviz draw it, programs read JSON. */
export const GRAPH_FORMATS = ['mermaid', 'dot', 'json'] as const;

export type GraphFormat = (typeof GRAPH_FORMATS)[number];

/** A stage as a drawing shows it. */
interface DrawnStage {
  readonly name: string;
  readonly kind: StageKind | 'route' | 'join';
}

/** What lies between two stages. */
interface DrawnLink {
  readonly from: string;
  /** The branch that is read, where `from` is a route. */
  readonly branch?: string;
  /** What a join calls it; it may read the fork only for its dead letters. */
  readonly part?: string;
  readonly to: string;
  /** Whether there is a queue between them, or the reader is worked on in the process that has the chunk. */
  readonly link: 'queue' | 'inline';
}

/** What a shape looks like in Mermaid (what stands around the label) and in Graphviz. */
const SHAPES: Readonly<
  Record<DrawnStage['kind'], { readonly mermaid: readonly [string, string]; readonly dot: string }>
> = {
  fetcher: { mermaid: ['([', '])'], dot: 'shape=box style=rounded' },
  mapper: { mermaid: ['[', ']'], dot: 'shape=box' },
  route: { mermaid: ['{', '}'], dot: 'shape=diamond' },
  join: { mermaid: ['{{', '}}'], dot: 'shape=hexagon' },
  saver: { mermaid: ['[(', ')]'], dot: 'shape=cylinder' },
};

/**
 * A pipeline's graph as a text that draws it: stages in the order in which data flow, and what they read. The arrow
 * to an inline stage is dashed, one from a route has the name of the branch, and one to a join that of the part. Names stand for themselves, whatever
 * is in them.
 *
 * @returns text that ends with a line break; JSON has `pipeline`, `stages` (`name`, `kind`) and `links` (`from`,
 *   `branch`, `part`, `to`, `link`)
 */
export function graphText(spec: PipelineSpec, format: GraphFormat): string {
  const stages = spec.stages.map((stage): DrawnStage => ({
    name: stage.name,
    kind: kindOf(stage),
  }));
  const links = spec.stages.flatMap(linksOf);
  switch (format) {
    case 'mermaid':
      return mermaid(spec.name, stages, links);
    case 'dot':
      return dot(spec.name, stages, links);
    case 'json':
      return `${JSON.stringify({ pipeline: spec.name, stages, links }, undefined, 2)}\n`;
  }
}

function kindOf({ kind, to, join }: StageSpec): DrawnStage['kind'] {
  return to !== undefined ? 'route' : join === undefined ? kind : 'join';
}

function linksOf(stage: StageSpec): DrawnLink[] {
  return sourcesOf(stage).map((source, nth) => linkOf(stage, source, stage.join?.parts[nth]));
}

function linkOf({ name, inline }: StageSpec, source: string, part: string | undefined): DrawnLink {
  const from = stageOf(source);
  return {
    from,
    ...(source !== from && { branch: source.slice(from.length + 1) }),
    ...(part !== undefined && part !== from && { part }),
    to: name,
    link: inline === true ? 'inline' : 'queue',
  };
}

/** What stands at an arrow. */
function labelOf({ branch, part }: DrawnLink): string | undefined {
  const words = [branch, part].filter((word) => word !== undefined);
  return words.length === 0 ? undefined : words.join(', ');
}

/** Stages are numbered: a name such as `end` is a word of the language. */
function mermaid(
  title: string,
  stages: readonly DrawnStage[],
  links: readonly DrawnLink[],
): string {
  const ids = new Map(stages.map(({ name }, n) => [name, `s${n}`]));
  const nodes = stages.map(({ name, kind }) => {
    const [open, close] = SHAPES[kind].mermaid;
    return `  ${ids.get(name)}${open}${mermaidLabel(name)}${close}`;
  });
  const arrows = links.map((each) => {
    const arrow = each.link === 'inline' ? '-.->' : '-->';
    const text = labelOf(each);
    const label = text === undefined ? '' : `|${mermaidLabel(text)}|`;
    return `  ${ids.get(each.from)} ${arrow}${label} ${ids.get(each.to)}`;
  });
  const front = ['---', `title: ${JSON.stringify(title)}`, '---'];
  return [...front, 'flowchart LR', ...nodes, ...arrows, ''].join('\n');
}

/** Mermaid reads entities in labels, by decimal code. */
function mermaidLabel(text: string): string {
  const escaped = Array.from(text, (char) =>
    /[\w .,-]/.test(char) ? char : `#${char.codePointAt(0)};`,
  );
  return `"${escaped.join('')}"`;
}

function dot(title: string, stages: readonly DrawnStage[], links: readonly DrawnLink[]): string {
  const nodes = stages.map(
    ({ name, kind }, n) => `  s${n} [label=${dotText(name)} ${SHAPES[kind].dot}];`,
  );
  const ids = new Map(stages.map(({ name }, n) => [name, `s${n}`]));
  const edges = links.map((each) => {
    const text = labelOf(each);
    const attributes = [
      ...(text === undefined ? [] : [`label=${dotText(text)}`]),
      ...(each.link === 'inline' ? ['style=dashed'] : []),
    ];
    const list = attributes.length === 0 ? '' : ` [${attributes.join(' ')}]`;
    return `  ${ids.get(each.from)} -> ${ids.get(each.to)}${list};`;
  });
  const head = [`digraph ${dotText(title)} {`, '  rankdir=LR;', `  label=${dotText(title)};`];
  return [...head, ...nodes, ...edges, '}', ''].join('\n');
}

/** A quoted text of Graphviz, in which a backslash begins an escape, and `&` an entity. */
function dotText(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('&', '&amp;');
  return `"${escaped.replaceAll('\n', '\\n')}"`;
}
