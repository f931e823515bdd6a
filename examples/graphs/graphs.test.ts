import { fetcher, pipeline, saver } from 'leat';
import { ndjsonSink } from 'leat/files';
import { generate } from 'leat/memory';
import { simulate, testPipeline } from 'leat/testing';
import { describe, expect, test } from 'vitest';
import chain from './chain.ts';
import choices from './choices.ts';
import condition from './condition.ts';
import foreach from './foreach.ts';
import joinedCondition from './joined-condition.ts';
import parallel from './parallel.ts';
import subPipeline from './sub-pipeline.ts';
import { Address, tidied } from './tidied.ts';

test('chain: one function gets what the one before it has made', async () => {
  const { results, records } = await testPipeline(chain, [{ id: 1, text: ' a  b ' }]);
  expect(results['files']).toEqual([{ id: 1, text: 'a b', letters: 3 }]);
  expect(records).toEqual({ in: 1, expanded: 0, saved: 1, filtered: 0, dead: 0 });
});

test('condition: each record takes one branch, and both meet in one stage', async () => {
  const { results, records } = await testPipeline(condition, [
    { id: 1, amount: 1_500 },
    { id: 2, amount: 500 },
  ]);
  expect(results['files']).toEqual([
    { id: 1, by: 'clerk', letter: 'long' },
    { id: 2, by: 'rule', letter: 'short' },
  ]);
  expect(records).toEqual({ in: 2, expanded: 0, saved: 2, filtered: 0, dead: 0 });
});

test('joined condition: a record has the parts of the branches that it took', async () => {
  const { results, records } = await testPipeline(joinedCondition, [
    { id: 1, amount: 1_500, isHome: true },
    { id: 2, amount: 1_500, isHome: false },
    { id: 3, amount: 500, isHome: true },
    { id: 4, amount: 500, isHome: false },
  ]);
  expect(results['files']).toEqual([
    { id: 1, clerk: 'clerk 1', day: 1 },
    { id: 2, clerk: 'clerk 2' },
    { id: 3, day: 3 },
  ]);
  expect(records).toEqual({ in: 4, expanded: 0, saved: 3, filtered: 1, dead: 0 });
});

test('choices: a record takes each branch that it names, and none if it names none', async () => {
  const { results, records } = await testPipeline(choices, [
    { id: 1, ways: ['mail', 'push'] },
    { id: 2, ways: [] },
    { id: 3, ways: ['text'] },
  ]);
  expect(results['mail']).toEqual([{ id: 1, way: 'mail' }]);
  expect(results['text']).toEqual([{ id: 3, way: 'text' }]);
  expect(results['push']).toEqual([{ id: 1, way: 'push' }]);
  expect(results['files']).toHaveLength(3);
  expect(records).toEqual({ in: 3, expanded: 1, saved: 3, filtered: 1, dead: 0 });
});

test('foreach: a record becomes as many as it has parts, which may be none', async () => {
  const { results, records } = await testPipeline(foreach, [
    { id: 1, pages: ['one two', 'three'] },
    { id: 2, pages: [] },
  ]);
  expect(results['files']).toEqual([
    { document: 1, number: 1, text: 'one two', words: 2 },
    { document: 1, number: 2, text: 'three', words: 1 },
  ]);
  expect(records).toEqual({ in: 2, expanded: 1, saved: 2, filtered: 1, dead: 0 });
});

test('parallel: one function gets what two others have made of each record', async () => {
  const { results, records } = await testPipeline(parallel, [{ id: 3 }, { id: 4 }]);
  expect(results['files']).toEqual([
    { id: 3, cents: 103, isThere: false },
    { id: 4, cents: 104, isThere: true },
  ]);
  expect(records).toEqual({ in: 2, expanded: 0, saved: 2, filtered: 0, dead: 0 });
});

test('sub-pipeline: the same stages stand twice in one graph', async () => {
  const { results } = await testPipeline(subPipeline, [
    { id: 1, street: ' Ring 1 ', country: 'at' },
    { id: 2, street: 'Allee 2', country: 'de' },
  ]);
  expect(results['domestic']).toEqual([{ id: 1, street: 'RING 1', country: 'at' }]);
  expect(results['foreign']).toEqual([{ id: 2, street: 'ALLEE 2', country: 'de' }]);
});

test('a sub-pipeline that is used twice under one prefix is refused', () => {
  const addresses = fetcher('addresses', {
    source: generate(1, (id) => ({ id, street: '', country: '' })),
    schema: Address,
  });
  const both = [tidied('home', addresses), tidied('home', addresses)];
  const savers = both.map((from, n) => saver(`files-${n}`, { from, sink: ndjsonSink(`out/${n}`) }));
  expect(() => pipeline('twice', { savers })).toThrow(
    'The pipeline "twice" has two stages named "home-trimmed".',
  );
});

const ids = Array.from({ length: 20 }, (_, id) => id);
describe.each([
  [chain, ids.map((id) => ({ id, text: ` ${id} ` }))],
  [condition, ids.map((id) => ({ id, amount: id * 50 }))],
  [joinedCondition, ids.map((id) => ({ id, amount: id * 100, isHome: id % 3 === 0 }))],
  [choices, ids.map((id) => ({ id, ways: ['mail', 'text', 'push'].slice(0, id % 4) }))],
  [foreach, ids.map((id) => ({ id, pages: ['a b', 'c', 'd'].slice(0, id % 4) }))],
  [parallel, ids.map((id) => ({ id }))],
  [subPipeline, ids.map((id) => ({ id, street: ` ${id} `, country: id % 3 === 0 ? 'at' : 'de' }))],
])('$name', (graph, records) => {
  test('loses and doubles nothing, whatever dies', async () => {
    const report = await simulate(graph, { records, seeds: 2 });
    expect(report.deaths).toBeGreaterThan(0);
  }, 120_000);
});
