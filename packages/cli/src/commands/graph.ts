import { GRAPH_FORMATS, type GraphFormat, graphText, LeatError } from '@leat/core';
import { loadPipeline } from '@leat/runtime';
import { type Command, defineCommand } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { print } from '../output.ts';

export const graphCommand: Command = defineCommand({
  name: 'graph',
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Prints the graph of a pipeline, for Mermaid, Graphviz or programs.',
  options: {
    format: {
      type: 'string',
      value: 'FORMAT',
      choices: GRAPH_FORMATS,
      meaning: `How: ${GRAPH_FORMATS.join(', ')} (default: mermaid).`,
    },
  },
  settings: [],
  examples: ['graph pipeline.ts', 'graph pipeline.ts --format dot | dot -Tsvg > graph.svg'],
  async run({ operands, flags: { format = 'mermaid' } }) {
    const [file = ''] = operands;
    const chosen = formatOf(format);
    const { spec } = await loadPipeline(file);
    await print(graphText(spec, chosen));
    return EXIT.ok;
  },
});

/** @throws LeatError `invalid-configuration` */
function formatOf(text: string): GraphFormat {
  const format = GRAPH_FORMATS.find((each) => each === text);
  if (format !== undefined) return format;
  throw new LeatError(
    'invalid-configuration',
    `--format must be one of ${GRAPH_FORMATS.join(', ')}; it is ${JSON.stringify(text)}.`,
  );
}
