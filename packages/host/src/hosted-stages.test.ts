import { generate } from '@leat/connectors/memory';
import { fetcher, mapper, pipeline, saver, type Sink } from '@leat/sdk';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { hostedStages, namesWithInline } from './hosted-stages.ts';

const sink: Sink = { kind: 'none', open: () => Promise.reject(new Error('nobody opens it')) };
const numbers = fetcher('numbers', { source: generate(1, (n) => n), schema: z.int() });
const map = (n: number): number => n;
const work = mapper('work', { from: numbers, map });
const more = mapper('more', { from: work, map, inline: true });
const near = saver('near', { from: more, sink, inline: true });
const far = saver('far', { from: more, sink });
const inline = pipeline('p', { savers: [near] });
const mixed = pipeline('p', { savers: [near, far] });
const namesOf = (stages: readonly { readonly name: string }[]): string[] =>
  stages.map(({ name }) => name);

describe('the stages that a process hosts', () => {
  test('are those with queues, and the inline ones come with them', () => {
    expect(namesOf(hostedStages(inline, {}))).toEqual(['numbers', 'work']);
    expect(namesOf(hostedStages(mixed, {}))).toEqual(['numbers', 'work', 'far']);
    expect(namesOf(hostedStages(mixed, { roles: ['saver'] }))).toEqual(['far']);
    expect(namesOf(hostedStages(inline, { roles: ['mapper', 'saver'] }))).toEqual(['work']);
    const hosted = hostedStages(mixed, { roles: ['mapper'] });
    expect(namesOf(hosted)).toEqual(['work']);
    expect(namesWithInline(mixed, hosted)).toEqual(['work', 'more', 'near']);
  });

  test.each([
    ['a role whose stages are inline', inline, { roles: ['saver'] }],
    ['such a role beside another one', inline, { roles: ['fetcher', 'saver'] }],
    ['an inline stage by its name', mixed, { roles: ['saver'], stage: 'near' }],
  ] as const)('are not %s: it is said who does its work', (_, given, wanted) => {
    expect(() => hostedStages(given, wanted)).toThrow(
      'The saver near is inline: the service of the mapper work does its work. Start "leat mapper", or leave out its inline.',
    );
  });

  test('are not an inline mapper by its name either', () => {
    expect(() => hostedStages(mixed, { roles: ['mapper'], stage: 'more' })).toThrow(
      'The mapper more is inline: the service of the mapper work does its work.',
    );
  });
});
