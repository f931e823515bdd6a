import { describe, expect, test } from 'vitest';
import { checkSpec } from './check-spec.ts';
import { LeatError } from './errors.ts';
import { drawGraph, specDifference } from './spec-difference.ts';
import {
  hostOf,
  inlineStagesOf,
  type PipelineSpec,
  queuedStages,
  readersOf,
  type StageSpec,
  withLinksOf,
} from './spec.ts';

const source: StageSpec = { name: 'source', kind: 'fetcher' };
const upper: StageSpec = { name: 'upper', kind: 'mapper', from: 'source' };
const sink: StageSpec = { name: 'sink', kind: 'saver', from: 'upper' };
const inlineSink: StageSpec = { ...sink, inline: true };
const lower: StageSpec = { name: 'lower', kind: 'mapper', from: 'upper', inline: true };
const lowerSink: StageSpec = { name: 'low', kind: 'saver', from: 'lower', inline: true };
const queuedSink: StageSpec = { name: 'far', kind: 'saver', from: 'lower' };
const union: StageSpec = { name: 'both', kind: 'saver', from: ['upper', 'source'] };
const archive: StageSpec = { name: 'archive', kind: 'saver', from: 'source' };

function spec(...stages: StageSpec[]): PipelineSpec {
  return { name: 'cities', stages };
}

describe('checkSpec', () => {
  test.each([
    ['a line', spec(source, upper, sink)],
    ['a fetcher and a saver', spec(source, archive)],
    ['a fan-out', spec(source, upper, archive, sink)],
    ['a fetcher that does not stand first', spec(source, archive)],
    ['a union', spec(source, upper, union)],
    ['inline stages in a row', spec(source, upper, lower, lowerSink)],
    ['inline and queued readers of one stage', spec(source, upper, inlineSink, lower, queuedSink)],
  ])('takes %s', (_, good) => {
    expect(() => checkSpec(good)).not.toThrow();
  });

  test.each([
    ['two stages of one name', spec(source, archive, archive), 'has two stages named "archive".'],
    ['no stages', spec(), 'needs exactly one fetcher and has 0.'],
    [
      'two fetchers',
      spec(source, { name: 'other', kind: 'fetcher' }, archive),
      'needs exactly one fetcher and has 2.',
    ],
    [
      'a fetcher that reads',
      spec({ ...source, from: 'sink' }),
      'lets its fetcher source read from sink.',
    ],
    [
      'a stage that reads from nothing',
      spec(source, { name: 'upper', kind: 'mapper' }),
      'has a stage upper that reads from no stage before it.',
    ],
    [
      'a stage that reads from an empty list',
      spec(source, { ...upper, from: [] }),
      'has a stage upper that reads from no stage before it.',
    ],
    [
      'a stage that reads one twice',
      spec(source, upper, { ...union, from: ['upper', 'source', 'upper'] }),
      'has a stage both that reads upper twice.',
    ],
    [
      'a stage that reads one, and one that is unknown',
      spec(source, { ...union, from: ['source', 'upper'] }),
      'has a stage both that reads from no stage before it (upper).',
    ],
    [
      'a stage that reads from itself, too',
      spec(source, { ...upper, from: ['source', 'upper'] }),
      'has a stage upper that reads from no stage before it (upper).',
    ],
    [
      'a fetcher that reads from several',
      spec({ ...source, from: ['a', 'b'] }),
      'lets its fetcher source read from a+b.',
    ],
    [
      'an inline reader of several',
      spec(source, upper, { ...lower, inline: true }, sink, {
        ...union,
        from: ['upper', 'lower'],
        inline: true,
      }),
      'has an inline saver both that reads from upper and lower, which processes of their own work on: leave out its inline.',
    ],
    [
      'a stage that reads from one that is unknown',
      spec(source, sink),
      'has a stage sink that reads from no stage before it (upper).',
    ],
    [
      'a cycle',
      spec(source, { ...upper, from: 'sink' }, sink),
      'has a stage upper that reads from no stage before it (sink).',
    ],
    [
      'a stage that reads from itself',
      spec(source, { ...upper, from: 'upper' }),
      'has a stage upper that reads from no stage before it (upper).',
    ],
    [
      'a stage that reads from a saver',
      spec(source, archive, { ...sink, from: 'archive' }),
      'has a stage sink that reads from the saver archive.',
    ],
    [
      'an inline reader of the fetcher',
      spec(source, { ...archive, inline: true }),
      'has an inline saver archive that reads from the fetcher source, which works on no chunks: leave out its inline, or let it read from a mapper.',
    ],
    [
      'an inline fetcher, which reads from nothing',
      spec(source, upper, sink, { ...upper, name: 'x', from: 'sink', inline: true }),
      'has a stage x that reads from the saver sink.',
    ],
    ['a fetcher that nobody reads', spec(source), 'has a fetcher source that no stage reads from.'],
    [
      'a mapper that nobody reads',
      spec(source, archive, upper),
      'has a mapper upper that no stage reads from.',
    ],
  ])('refuses %s', (_, bad, sentence) => {
    expect(() => checkSpec(bad)).toThrow(
      new LeatError('invalid-pipeline', `The pipeline "cities" ${sentence}`),
    );
  });

  test('refuses names outside the grammar', () => {
    const message = 'must be 1 to 31 lower-case letters';
    expect(() => checkSpec({ name: 'Cities', stages: [source, archive] })).toThrow(message);
    expect(() => checkSpec(spec({ ...source, name: 'a.b' }))).toThrow(message);
    expect(() => checkSpec(spec({ ...source, name: 'dead' }))).toThrow("Leat's own streams");
  });
});

describe('the graph', () => {
  test('gives readers in their order, which is their place in chunk ids', () => {
    expect(readersOf(spec(source, archive, upper, sink), 'source')).toEqual([archive, upper]);
    expect(readersOf(spec(source, upper, archive, sink), 'source')).toEqual([upper, archive]);
    expect(readersOf(spec(source, upper, sink), 'sink')).toEqual([]);
    expect(readersOf(spec(source, upper, union, sink), 'upper')).toEqual([union, sink]);
    expect(readersOf(spec(source, upper, union, sink), 'source')).toEqual([upper, union]);
  });

  test('has a queue in front of every stage but the fetcher', () => {
    expect(queuedStages(spec(source, upper, sink))).toEqual([upper, sink]);
  });

  const mixed = spec(source, upper, lower, inlineSink, lowerSink, queuedSink, archive);

  test('has no queue in front of an inline stage', () => {
    expect(queuedStages(mixed)).toEqual([upper, queuedSink, archive]);
  });

  test('has a host for each inline stage, however many are in a row', () => {
    const hosts = mixed.stages.map(({ name }) => [name, hostOf(mixed, name)]);
    expect(Object.fromEntries(hosts)).toEqual({
      source: 'source',
      upper: 'upper',
      lower: 'upper',
      sink: 'upper',
      low: 'upper',
      far: 'far',
      archive: 'archive',
    });
    expect(inlineStagesOf(mixed, 'upper')).toEqual([lower, inlineSink, lowerSink]);
    expect(inlineStagesOf(mixed, 'lower')).toEqual([]);
    expect(hostOf(mixed, 'nobody')).toBe('nobody');
  });
});

describe('drawGraph', () => {
  test('names stages in their order, each with the one that it reads from', () => {
    expect(drawGraph(spec(source, upper, sink))).toBe('source source>upper upper>sink');
    expect(drawGraph(spec(source, upper, archive, sink))).toBe(
      'source source>upper source>archive upper>sink',
    );
    expect(drawGraph(spec(source, upper, union))).toBe('source source>upper source+upper>both');
    expect(drawGraph(spec())).toBe('');
  });

  test('is another one wherever chunk ids mean something else', () => {
    const graphs = [
      spec(source, upper, archive, sink),
      spec(source, archive, upper, sink),
      spec(source, upper, sink),
      spec(source, upper, sink, { ...archive, from: 'upper' }),
      spec(source, { ...upper, name: 'lower' }, { ...sink, from: 'lower' }),
    ].map(drawGraph);
    expect(new Set(graphs).size).toBe(graphs.length);
    expect(drawGraph({ ...spec(source, archive), name: 'renamed' })).toBe('source source>archive');
  });
});

describe('specDifference', () => {
  test('finds none where chunk ids mean the same', () => {
    const stored = JSON.parse(JSON.stringify(spec(source, upper, sink))) as PipelineSpec;
    expect(specDifference(stored, spec(source, upper, sink))).toBeUndefined();
    const other = { ...union, from: ['source', 'upper'] };
    expect(specDifference(spec(source, upper, union), spec(source, upper, other))).toBeUndefined();
  });

  test.each([
    ['a stage more', spec(source, upper, sink, archive), 'archive was added'],
    [
      'a stage that reads one more',
      spec(source, upper, { ...sink, from: ['upper', 'source'] }),
      'sink reads from source+upper and no longer from upper',
    ],
    [
      'a stage less',
      spec(source, { ...sink, from: 'source' }),
      'upper is gone, sink reads from source and no longer from upper',
    ],
    [
      'another name',
      spec(source, { ...upper, name: 'lower' }, { ...sink, from: 'lower' }),
      'lower was added, upper is gone, sink reads from lower and no longer from upper',
    ],
    [
      'another edge',
      spec(source, upper, { ...sink, from: 'source' }),
      'sink reads from source and no longer from upper',
    ],
    [
      'a fetcher that is a reader now',
      spec(archive, { ...source, from: 'archive' }, upper, sink),
      'archive was added, source reads from archive and no longer from nothing',
    ],
  ])('says what differs for %s', (_, present, changes) => {
    const sentence = specDifference(spec(source, upper, sink), present);
    expect(sentence).toMatch(
      /^it was started as "source source>upper upper>sink" and the pipeline is now "/,
    );
    expect(sentence).toMatch(new RegExp(`" \\(${changes.replaceAll('+', '\\+')}\\)$`));
  });

  test('names the stages that have lost their queues, or got them', () => {
    const [queued, inline] = [spec(source, upper, sink), spec(source, upper, inlineSink)];
    expect(specDifference(queued, inline)).toBe('the saver sink is inline now');
    expect(specDifference(inline, queued)).toBe('the saver sink is no longer inline');
    const row = spec(source, upper, lower, lowerSink);
    const withQueue = ({ name, kind, from = '' }: StageSpec): StageSpec => ({ name, kind, from });
    const queuedRow = spec(source, upper, withQueue(lower), withQueue(lowerSink));
    expect(specDifference(queuedRow, row)).toBe(
      'the mapper lower is inline now, the saver low is inline now',
    );
    expect(specDifference(row, row)).toBeUndefined();
    expect(withLinksOf(row, queuedRow)).toEqual(queuedRow);
    expect(withLinksOf(queuedRow, row)).toEqual(row);
  });

  test('tells apart the orders of the readers of one stage', () => {
    const [one, other] = [spec(source, upper, archive, sink), spec(source, archive, upper, sink)];
    expect(specDifference(one, other)).toMatch(/ \(the order of the stages is another one\)$/);
  });
});
