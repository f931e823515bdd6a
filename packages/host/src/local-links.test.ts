import { generate } from '@leat/connectors/memory';
import { fetcher, mapper, type Pipeline, pipeline, saver, type Sink } from '@leat/sdk';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { withLinksOfRun, withoutNeedlessQueues } from './local-links.ts';

const sink: Sink = { kind: 'none', open: () => Promise.reject(new Error('nobody opens it')) };
const numbers = fetcher('numbers', { source: generate(1, (n) => n), schema: z.int() });
const map = (n: number): number => n;
const work = mapper('work', { from: numbers, map });
const more = mapper('more', { from: work, map });
const files = saver('files', { from: more, sink });
const inlineOf = ({ spec }: Pipeline): string[] =>
  spec.stages.filter(({ inline }) => inline).map(({ name }) => name);

test.each<[string, Pipeline, readonly string[]]>([
  ['a straight line', pipeline('p', { savers: [files] }), ['more', 'files']],
  [
    'a reader beside another one',
    pipeline('p', { savers: [files, saver('all', { from: work, sink })] }),
    ['files'],
  ],
  [
    'one that its author wants inline beside another one',
    pipeline('p', { savers: [files, saver('all', { from: work, sink, inline: true })] }),
    ['files', 'all'],
  ],
  [
    'one that its author wants with a queue',
    pipeline('p', { savers: [saver('files', { from: more, sink, inline: false })] }),
    ['more'],
  ],
  [
    'the reader of a fetcher',
    pipeline('p', { savers: [saver('raw', { from: numbers, sink })] }),
    [],
  ],
])('in one process, needless queues are left out: %s', (_, given, expected) => {
  const made = withoutNeedlessQueues(given);
  expect(inlineOf(made)).toEqual(expected);
  expect(made.stages).toBe(given.stages);
  expect(withLinksOfRun(made, given).spec).toEqual(given.spec);
});
