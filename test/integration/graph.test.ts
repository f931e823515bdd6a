import { Graphviz } from '@hpcc-js/wasm-graphviz';
import { graphText, type PipelineSpec, type StageSpec } from '@leat/core';
import { loadPipeline } from '@leat/runtime';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fixture, leat } from '../support/leat.ts';

/** What Graphviz has read, in its own JSON. */
interface Read {
  readonly name: string;
  readonly objects: readonly { readonly name: string; readonly label: string }[];
  readonly edges?: readonly {
    readonly tail: number;
    readonly head: number;
    readonly label?: string;
    readonly style?: string;
  }[];
}

/** Rows of stages with names that a pipeline would refuse, each behind the one before it, by a branch of any name. */
const oddSpecs = fc
  .uniqueArray(fc.string({ minLength: 1, unit: 'grapheme' }), { minLength: 2, maxLength: 5 })
  .map((texts) => texts.map((text) => text.replaceAll(/[#\0\r\n]/g, '')))
  .filter((texts) => new Set(texts).size === texts.length)
  .map((names): PipelineSpec => {
    const stages = names.map((name, n): StageSpec => {
      if (n === 0) return { name, kind: 'fetcher' };
      const before = names[n - 1] ?? '';
      if (n === 1) return { name, kind: 'mapper', from: before, to: names };
      return { name, kind: 'mapper', from: `${before}#${before}`, to: names, inline: true };
    });
    return { name: names.join(''), stages };
  });

test('Graphviz reads what is drawn for it, whatever the names', async () => {
  const graphviz = await Graphviz.load();
  fc.assert(
    fc.property(oddSpecs, (spec) => {
      const read = JSON.parse(graphviz.layout(graphText(spec, 'dot'), 'dot_json', 'dot')) as Read;
      const labels = read.objects.map(({ label }) => label.replaceAll('&amp;', '&'));
      expect(labels.map((label) => label.replaceAll('\\\\', '\\'))).toEqual(
        spec.stages.map(({ name }) => name),
      );
      expect(read.edges?.map(({ tail, head, style }) => [tail, head, style])).toEqual(
        spec.stages.slice(1).map((_, n) => [n, n + 1, n === 0 ? undefined : 'dashed']),
      );
    }),
    { numRuns: 200 },
  );
});

test('leat graph prints the drawing and nothing else, for Mermaid if it is not said for what', async () => {
  const file = fixture('fan-out.ts');
  const { spec } = await loadPipeline(file);
  const printed = await leat(['graph', file], { cwd: '.' });
  expect(printed).toMatchObject({ code: 0, stdout: graphText(spec, 'mermaid'), stderr: '' });
  // A file that prints while it is loaded.
  const json = await leat(['graph', fixture('prints.ts'), '--format', 'json'], { cwd: '.' });
  expect(JSON.parse(json.stdout)).toMatchObject({ pipeline: 'prints' });
  expect(json.stderr).toContain('log loaded\n');
});

test('leat graph refuses a format that it does not know', async () => {
  const refused = await leat(['graph', fixture('fan-out.ts'), '--format', 'svg'], { cwd: '.' });
  expect(refused).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('--format must be one of mermaid, dot, json; it is "svg".'),
  });
});
