import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { z as z3 } from 'zod/v3';
import type { Sink, Source } from '../contracts.ts';
import { fetcher } from './fetcher.ts';
import { mapper } from './mapper.ts';
import { route } from './route.ts';
import { saver } from './saver.ts';
import type { Mapper, Saver } from './stages.ts';
import type { GivenParamsOf } from '../params.ts';
import { type Pipeline, pipeline } from './pipeline.ts';

const Numbered = z.object({ n: z.number() });
const Texted = z.object({ text: z.string() });
/** Text in the JSON, a date in the code. */
const Dated = z.object({ at: z.iso.datetime().transform((text) => new Date(text)) });
const DatedCodec = z.object({
  at: z.codec(z.iso.datetime(), z.date(), {
    decode: (text) => new Date(text),
    encode: (date) => date.toISOString(),
  }),
});

function sourceOf<T>(): Source<T> {
  return { kind: 'test', chunks: async function* () {} };
}
function sinkOf<T>(): Sink<T> {
  return { kind: 'test', open: () => Promise.reject(new Error('not opened here')) };
}

const numbers = fetcher('numbers', { source: sourceOf<{ n: number }>(), schema: Numbered });
const texts = mapper('texts', {
  from: numbers,
  schema: Texted,
  map: ({ n }) => ({ text: `${n}` }),
});
const out = saver('out', { from: texts, sink: sinkOf<{ text: string }>() });

describe('the graph', () => {
  test('is what the stages say, upstream before downstream', () => {
    const also = saver('also', { from: numbers, sink: sinkOf() });
    const made = pipeline('p', { savers: [out, also] });
    expect(made.spec).toEqual({
      name: 'p',
      stages: [
        { name: 'numbers', kind: 'fetcher' },
        { name: 'texts', kind: 'mapper', from: 'numbers' },
        { name: 'out', kind: 'saver', from: 'texts' },
        { name: 'also', kind: 'saver', from: 'numbers' },
      ],
    });
    expect(made.fetcher).toBe(numbers);
    expect(made.stages).toEqual([numbers, texts, out, also]);
  });

  test('says which stages are inline, and nothing of those that are not', () => {
    const common = { from: texts, sink: sinkOf<{ text: string }>() };
    const near = saver('near', { ...common, inline: true });
    const far = saver('far', { ...common, inline: false });
    const { spec } = pipeline('p', { savers: [near, far, out] });
    expect([near, far, out].map(({ inline }) => inline)).toEqual([true, false, undefined]);
    expect(spec.stages.slice(2)).toEqual([
      { name: 'near', kind: 'saver', from: 'texts', inline: true },
      { name: 'far', kind: 'saver', from: 'texts' },
      { name: 'out', kind: 'saver', from: 'texts' },
    ]);
    expect(() => saver('near', { ...common, inline: 'yes' as never })).toThrow(
      'The stage "near": inline must be true or false; it is "yes".',
    );
    expect(() => mapper('more', { from: texts, map: (t) => t, inline: 1 as never })).toThrow(
      'The stage "more": inline must be true or false; it is 1.',
    );
    const raw = saver('raw', { from: numbers, sink: sinkOf<{ n: number }>(), inline: true });
    expect(() => pipeline('p', { savers: [raw] })).toThrow(
      'has an inline saver raw that reads from the fetcher numbers, which works on no chunks',
    );
  });

  test('is visited once for each stage, however many paths lead to it', () => {
    const joined = (nth: number, ...from: readonly Mapper[]): Mapper =>
      Object.defineProperty({ ...texts, name: `m${nth}` }, 'from', {
        get: () => {
          visits++;
          return [from[visits % from.length] ?? numbers];
        },
      });
    let visits = 0;
    let last = joined(0);
    for (let nth = 1; nth < 30; nth++) last = joined(nth, last, last);
    const savers = Array.from({ length: 30 }, (_, nth) =>
      saver(`s${nth}`, { from: last, sink: sinkOf() }),
    );
    expect(pipeline('p', { savers }).stages).toHaveLength(61);
    // Once to be visited, and once to be drawn.
    expect(visits).toBe(60);
  });

  test('has stages that read several, which have the same records', () => {
    const large = mapper('large', { from: texts, filter: ({ text }) => text.length > 1 });
    const all = saver('all', { from: [texts, large], sink: sinkOf<{ text: string }>() });
    expect(pipeline('p', { savers: [all] }).spec.stages).toEqual([
      { name: 'numbers', kind: 'fetcher' },
      { name: 'texts', kind: 'mapper', from: 'numbers' },
      { name: 'large', kind: 'mapper', from: 'texts' },
      { name: 'all', kind: 'saver', from: ['texts', 'large'] },
    ]);
    const one = mapper('one', { from: [large], map: ({ text }) => ({ text }) });
    expect(one.from).toEqual([large]);
    expect(
      pipeline('p', { savers: [saver('s', { from: one, sink: sinkOf() })] }).spec.stages,
    ).toContainEqual({ name: 'one', kind: 'mapper', from: 'large' });
    expectTypeOf(all).toEqualTypeOf<Saver<undefined>>();
  });

  test('is read by one stage at a time where records differ, or come twice', () => {
    const other = mapper('other', { from: numbers, schema: Numbered, map: (record) => record });
    const lossy = mapper('lossy', {
      from: numbers,
      schema: Texted,
      numbers: 'lossy',
      map: ({ n }) => ({ text: `${n}` }),
    });
    const of = (...from: readonly unknown[]): (() => unknown) => {
      const sink = sinkOf() as never;
      return () => saver('all', { from: from as never, sink });
    };
    const nothing =
      'The stage "all": reads from nothing: from must be a fetcher, a mapper or a branch of a route, or a list of them.';
    for (const from of [[], [undefined], [texts, {}], [out]]) expect(of(...from)).toThrow(nothing);
    expect(of(texts, texts)).toThrow('The stage "all": reads "texts" twice.');
    expect(of(texts, other)).toThrow(
      'The stage "all": reads "texts" and "other", whose schemas are not the same: give both one schema, by one name.',
    );
    expect(of(texts, lossy)).toThrow(
      'The stage "all": reads "texts" and "lossy", whose numbers are not read alike: give both the same numbers.',
    );
    // @ts-expect-error their records are not the same
    expect(() => mapper('m', { from: [texts, other], map: (record) => record })).toThrow('schemas');
    const common = { from: [texts, mapper('t', { from: texts, filter: () => true })] as const };
    const inline = saver('all', { ...common, sink: sinkOf<{ text: string }>(), inline: true });
    expect(() => pipeline('p', { savers: [inline] })).toThrow(
      'has an inline saver all that reads from texts and t, which processes of their own work on: leave out its inline.',
    );
  });

  test('must have one fetcher, and names that are all different', () => {
    const others = fetcher('others', { source: sourceOf<never>(), schema: Numbered });
    const two = [out, saver('out-2', { from: others, sink: sinkOf() })];
    expect(() => pipeline('p', { savers: two })).toThrow('needs exactly one fetcher and has 2');
    const twin = saver('out', { from: numbers, sink: sinkOf() });
    expect(() => pipeline('p', { savers: [out, twin] })).toThrow('has two stages named "out"');
    expect(() => pipeline('P', { savers: [out] })).toThrow('The pipeline name "P" must be');
    expect(() => pipeline('p', { savers: [] })).toThrow('needs at least one saver');
    const receipts = saver('receipts', { from: numbers, sink: sinkOf() });
    expect(() => pipeline('p', { savers: [receipts] })).toThrow('is taken by Leat');
  });
});

describe('options', () => {
  test('refuse a schema of results that JSON cannot hold', () => {
    const schema = z.object({ at: z.date() });
    const map = (): { at: Date } => ({ at: new Date(0) });
    expect(() => mapper('m', { from: numbers, schema, map })).toThrow(
      expect.objectContaining({
        code: 'invalid-pipeline',
        message: expect.stringContaining(
          'the schema.at is a z.date, which JSON cannot hold; use a z.codec that says how it is written',
        ),
      }),
    );
    expect(mapper('m', { from: numbers, schema: DatedCodec, map }).schema).toBe(DatedCodec);
  });

  test('have defaults', () => {
    expect(numbers).toMatchObject({ chunkSize: 100, maxBytes: 524_288, window: 4_000 });
    expect(texts).toMatchObject({ concurrency: 16, threads: 0, retry: { attempts: 5 } });
  });

  test.each([0, -1, 1.5, Number.NaN])('refuse a count of %s', (value) => {
    const source = sourceOf<never>();
    for (const option of ['chunkSize', 'maxBytes', 'window']) {
      expect(() => fetcher('f', { source, schema: Numbered, [option]: value })).toThrow(
        `The stage "f": ${option} must be a whole number from 1; it is ${value}.`,
      );
    }
    const common = { from: numbers, schema: Numbered, map: (record: { n: number }) => record };
    expect(() => mapper('m', { ...common, concurrency: value })).toThrow('concurrency must be');
    expect(() => mapper('m', { ...common, timeoutMs: value })).toThrow('timeoutMs must be');
    expect(() => mapper('m', { ...common, retry: { attempts: value } })).toThrow('retry.attempts');
  });

  test('a time-out is none by default, and no longer than a timer can be', () => {
    const common = { from: numbers, schema: Numbered, map: (record: { n: number }) => record };
    expect(mapper('m', common).timeoutMs).toBeUndefined();
    expect(mapper('m', { ...common, timeoutMs: 600_000 }).timeoutMs).toBe(600_000);
    expect(() => mapper('m', { ...common, timeoutMs: 2 ** 31 })).toThrow('less than 2^31');
  });

  test.each([-1, 1.5, Number.NaN])('refuse %s threads', (threads) => {
    const common = { from: numbers, schema: Numbered, map: (record: { n: number }) => record };
    expect(() => mapper('m', { ...common, threads })).toThrow('threads must be');
  });

  test('a pipeline takes a number or a percentage of dead records', () => {
    expect(pipeline('p', { savers: [out] })).not.toHaveProperty('maxDeadRecords');
    expect(pipeline('p', { savers: [out], maxDeadRecords: 0 }).maxDeadRecords).toBe(0);
    expect(pipeline('p', { savers: [out], maxDeadRecords: '2.5%' }).maxDeadRecords).toBe('2.5%');
    expect(() => pipeline('p', { savers: [out], maxDeadRecords: '200%' })).toThrow(
      `The pipeline "p": maxDeadRecords must be a whole number from 0, or a percentage such as '2%'; it is "200%".`,
    );
    // @ts-expect-error neither a number nor a percentage
    expect(() => pipeline('p', { savers: [out], maxDeadRecords: 'many' })).toThrow('it is "many"');
  });

  test('make sources and sinks for a run', () => {
    const run = { id: 'r', pipeline: 'p', params: { file: 'a.csv' } };
    const seen: unknown[] = [];
    const stage = fetcher('f', {
      source: (given) => {
        seen.push(given.params['file']);
        return sourceOf<never>();
      },
      schema: Numbered,
    });
    expect(stage.source(run).kind).toBe('test');
    expect(seen).toEqual(['a.csv']);
  });

  test('a mapper does exactly one thing', () => {
    const common = { from: numbers, schema: Numbered };
    // @ts-expect-error nothing to do
    expect(() => mapper('m', common)).toThrow(
      'needs exactly one of map, enrich, flatMap, filter and mapChunk; it has none',
    );
    expect(() =>
      // @ts-expect-error two things to do
      mapper('m', { ...common, map: (r) => r, flatMap: (r) => [r] }),
    ).toThrow('it has map and flatMap');
    // @ts-expect-error not a function
    expect(() => mapper('m', { ...common, map: 'x' })).toThrow('map must be a function');
  });
});

describe('unknown options are refused, with the nearest name', () => {
  const source = sourceOf<never>();
  const stage = { from: numbers, schema: Numbered, map: (record: { n: number }) => record };

  test.each<[string, () => unknown, string]>([
    [
      'a fetcher',
      () => fetcher('f', { source, schema: Numbered, chunksize: 3 } as never),
      'The stage "f": There is no option "chunksize": did you mean chunkSize?',
    ],
    [
      'a mapper',
      () => mapper('m', { ...stage, concurency: 3 } as never),
      'The stage "m": There is no option "concurency": did you mean concurrency?',
    ],
    [
      'a saver',
      () => saver('s', { from: numbers, sink: sinkOf(), retry: 3 } as never),
      'The stage "s": There is no option "retry": there are from, sink, inline.',
    ],
    [
      'a pipeline',
      () => pipeline('p', { savers: [out], maxDead: 3 } as never),
      'The pipeline "p": There is no option "maxDead": did you mean maxDeadRecords?',
    ],
    [
      'a retry policy',
      () => mapper('m', { ...stage, retry: { attemps: 3 } } as never),
      'There is no option of retry "attemps": did you mean attempts?',
    ],
  ])('of %s', (_, define, sentence) => {
    expect(define).toThrow(
      expect.objectContaining({ code: 'invalid-pipeline', message: sentence }),
    );
  });
});

describe('a schema that JSON cannot follow is refused', () => {
  const source = sourceOf<never>();
  const Tally = z.object({ n: z.int(), counts: z.map(z.string(), z.int()) });
  const old = z3.object({ n: z3.number() }) as never;
  const zod3 =
    'its schema is made by zod 3, and Leat needs one of zod 4: import { z } from zod 4, or from "zod/v4".';
  const date =
    'the schema.at is a z.date, which JSON cannot hold; use a z.codec that says how it is written.';

  test('of parameters that nobody can give', () => {
    const params = z.object({ 'a b': z.string() });
    expect(() => fetcher('m', { source, schema: Numbered, params })).toThrow(
      expect.objectContaining({ code: 'invalid-name' }),
    );
  });

  test.each([
    ['a fetcher', () => fetcher('m', { source, schema: Tally })],
    ['a mapper', () => mapper('m', { from: numbers, schema: Tally, map: never })],
    ['parameters', () => fetcher('m', { source, schema: Numbered, params: Tally })],
  ])('of %s', (_, define) => {
    expect(define).toThrow(
      'The stage "m": the schema.counts is a z.map, which JSON cannot hold; use a z.codec that says how it is written.',
    );
  });

  test.each([
    ['zod 3, of a fetcher', () => fetcher('m', { source, schema: old }), zod3],
    ['zod 3, of a mapper', () => mapper('m', { from: numbers, schema: old, map: () => 0 }), zod3],
    ['zod 3, of parameters', () => fetcher('m', { source, schema: Numbered, params: old }), zod3],
    [
      'what is not a schema',
      () => fetcher('m', { source, schema: { type: 'object' } as never }),
      'needs a schema made by zod.',
    ],
    [
      'a date that is coerced, where it is written',
      () => mapper('m', { from: numbers, schema: z.object({ at: z.coerce.date() }), map: never }),
      date,
    ],
    [
      'a transform, where it is written',
      () => mapper('m', { from: numbers, schema: Dated, map: never }),
      'the schema.at has a transform, which cannot be undone; use a z.codec instead.',
    ],
    [
      'undefined',
      () => fetcher('m', { source, schema: z.object({ a: z.undefined() }) as never }),
      'the schema.a is a z.undefined, which JSON cannot hold; a field that may be absent is .optional().',
    ],
  ])('%s', (_, define, sentence) => {
    expect(define).toThrow(
      expect.objectContaining({
        code: 'invalid-pipeline',
        message: `The stage "m": ${sentence}`,
      }),
    );
  });

  test('what a function only reads may be coerced, or go one way; what is kept may not', () => {
    const coerced = fetcher('f', { source, schema: z.object({ at: z.coerce.date() }) });
    const oneWay = fetcher('f', { source, schema: Dated });
    expect(mapper('m', { from: coerced, map: ({ at }) => at.getTime() }).from).toEqual([coerced]);
    const keeps = 'The stage "m": it keeps the records of the stage "f", and the schema.at';
    const filter = (): boolean => true;
    expect(() => saver('m', { from: coerced, sink: sinkOf() })).toThrow(`${keeps} is a z.date`);
    expect(() => mapper('m', { from: oneWay, filter })).toThrow(`${keeps} has a transform`);
    // What it keeps of a mapper was written already.
    const written = mapper('t', { from: oneWay, map: ({ at }) => at.toISOString() });
    expect(mapper('m', { from: written, filter }).from).toEqual([written]);
  });

  test.each([
    z.stringbool(),
    z.templateLiteral(['a', z.int()]),
    z.json(),
    z.email(),
    z.xor([z.int()]),
  ])('but not one that it can (%#)', (schema) => {
    const from = fetcher('f', { source: sourceOf<never>(), schema });
    expect(saver('s', { from, sink: sinkOf() }).from).toEqual([from]);
  });

  function never(): never {
    throw new Error('not called here');
  }
});

describe('how numbers are read', () => {
  const source = sourceOf<never>();
  const Big = z.object({ id: z.coerce.bigint() });

  test('is said by a fetcher, and the same for those behind it that say nothing else', () => {
    const exact = fetcher('f', { source, schema: Big });
    const big = fetcher('f', { source, schema: Big, numbers: 'bigint' });
    const filter = mapper('filter', { from: big, filter: () => true });
    const same = mapper('same', { from: filter, schema: Big, map: (record) => record });
    const rounded = mapper('rounded', {
      from: same,
      numbers: 'lossy',
      map: ({ id }) => Number(id),
    });
    const all = [exact, big, filter, same, rounded];
    expect(all.map(({ numbers: rule }) => rule)).toEqual([
      'exact',
      'bigint',
      'bigint',
      'bigint',
      'lossy',
    ]);
  });

  test.each([
    [
      () => fetcher('m', { source, schema: Big, numbers: 'decimal' as never }),
      `numbers must be one of 'exact', 'text', 'bigint', 'lossy'; it is "decimal".`,
    ],
    [
      () => mapper('m', { from: numbers, filter: () => true, numbers: 'text' }),
      'a filter has the numbers of the stage that it reads, and no others.',
    ],
    [
      () => mapper('m', { from: numbers, schema: Big, map: () => ({ id: 1n }) }),
      `the schema.id is a z.bigint, which JSON cannot hold; use z.coerce.bigint() with numbers: 'bigint', or a z.codec that says how it is written.`,
    ],
  ])('and what does not fit is refused (%#)', (define, sentence) => {
    expect(define).toThrow(`The stage "m": ${sentence}`);
  });
});

describe('a mapper without a schema', () => {
  const squares = mapper('squares', {
    from: numbers,
    map: async ({ n }) => ({ n, square: n * n }),
  });

  test('has the type of its function, whatever that returns', () => {
    expectTypeOf<z.output<typeof squares.schema>>().toEqualTypeOf<{ n: number; square: number }>();
    const parts = mapper('parts', { from: squares, flatMap: ({ n, square }) => [n, square] });
    expectTypeOf<z.input<typeof parts.schema>>().toEqualTypeOf<number>();
    const later = mapper('later', {
      from: squares,
      async *flatMap({ n }) {
        yield `${n}!`;
      },
    });
    expectTypeOf<z.output<typeof later.schema>>().toEqualTypeOf<string>();
    const chunks = mapper('chunks', { from: squares, mapChunk: (all) => all.map(({ n }) => [n]) });
    expectTypeOf<z.output<typeof chunks.schema>>().toEqualTypeOf<number[]>();
    saver('s', { from: squares, sink: sinkOf<{ n: number }>() });
    // @ts-expect-error the sink wants other records
    saver('s', { from: squares, sink: sinkOf<{ text: string }>() });
    // @ts-expect-error the record has no such field
    mapper('m', { from: squares, map: ({ text }) => ({ text }) });
    expect([squares.isInferred, texts.isInferred]).toEqual([true, false]);
    expect(squares.schema.parse({ any: 'JSON' })).toEqual({ any: 'JSON' });
  });
});

describe('recover', () => {
  test('gives what the function gives, or what the schema says', () => {
    const priced = mapper('priced', {
      from: numbers,
      map: ({ n }) => ({ n, price: n * 2 }),
      recover: ({ n }, { error, attempts }) => {
        expectTypeOf(error.name).toEqualTypeOf<string>();
        expectTypeOf(attempts).toEqualTypeOf<number>();
        return { n, price: null };
      },
    });
    expectTypeOf<z.output<typeof priced.schema>>().toEqualTypeOf<
      { n: number; price: number } | { n: number; price: null }
    >();
    expect(typeof priced.recover).toBe('function');
    const added = mapper('added', {
      from: numbers,
      enrich: () => ({ price: 1 }),
      recover: async () => ({ price: null }),
    });
    expectTypeOf<z.output<typeof added.schema>['price']>().toEqualTypeOf<number | null>();
    mapper('m', {
      from: numbers,
      schema: Texted,
      map: () => ({ text: '' }),
      recover: () => ({ text: '' }),
    });
    const each = mapper('each', {
      from: numbers,
      flatMap: ({ n }) => [n],
      async *recover() {
        yield 'none';
      },
    });
    expectTypeOf<z.output<typeof each.schema>>().toEqualTypeOf<number | string>();
    mapper('m', { from: numbers, filter: () => true, recover: () => false });
    mapper('m', { from: numbers, mapChunk: (all) => all, recover: (one) => one });
    const schema = Texted;
    const map = () => ({ text: '' });
    // @ts-expect-error it is not what the schema says
    mapper('m', { from: numbers, schema, map, recover: () => ({ n: 1 }) });
    // @ts-expect-error a filter says yes or no
    mapper('m', { from: numbers, filter: () => true, recover: ({ n }) => n });
    expect(texts).not.toHaveProperty('recover');
  });

  test('is a function, and not of a route', () => {
    // @ts-expect-error it is no function
    const define = () => mapper('m', { from: numbers, map: (record) => record, recover: true });
    expect(define).toThrow('The stage "m": recover must be a function.');
    const to = ['a'] as const;
    const options = { from: numbers, to, pick: () => 'a' as const, otherwise: 'dead' as const };
    expect(() => route('r', { ...options, recover: () => 'a' } as never)).toThrow(
      'The stage "r": There is no option "recover"',
    );
  });
});

describe('a filter', () => {
  const large = mapper('large', { from: texts, filter: ({ text }) => text.length > 3, retry: 3 });

  test('has the schema of what it reads', () => {
    expect(large.schema).toBe(Texted);
    expectTypeOf(large.schema).toEqualTypeOf<typeof Texted>();
    expect(large).toMatchObject({ isInferred: false, retry: { attempts: 3 } });
    // @ts-expect-error it says yes or no
    mapper('m', { from: texts, filter: ({ text }) => text });
    // @ts-expect-error a filter changes nothing, and has no schema of its own
    const own = () => mapper('m', { from: texts, schema: Texted, filter: () => true });
    expect(own).toThrow('a filter has the schema of the stage that it reads');
  });
});

describe('types', () => {
  test('of records flow from stage to stage', () => {
    mapper('m', {
      from: texts,
      schema: Numbered,
      map: (record) => {
        expectTypeOf(record).toEqualTypeOf<{ text: string }>();
        return { n: record.text.length };
      },
    });
    const dates = fetcher('dates', { source: sourceOf<{ at: string }>(), schema: Dated });
    mapper('m', {
      from: dates,
      schema: DatedCodec,
      mapChunk: (records) => {
        expectTypeOf(records).toEqualTypeOf<readonly { at: Date }[]>();
        return records;
      },
    });
    const coded = mapper('m', { from: dates, schema: DatedCodec, map: (record) => record });
    // What is saved is what stands in the JSON.
    saver('s', { from: coded, sink: sinkOf<{ at: string }>() });
    // @ts-expect-error the sink wants dates, the JSON holds text
    saver('s', { from: coded, sink: sinkOf<{ at: Date }>() });
  });

  test('of parameters flow from the fetcher to every stage, and to the one who starts a run', () => {
    const params = z.object({ file: z.string(), since: z.coerce.date().optional() });
    type Params = Readonly<{ file: string; since?: Date | undefined }>;
    const schema = Numbered;
    const source = sourceOf<{ n: number }>();
    const stage = fetcher('f', {
      params,
      source: (run) => {
        expectTypeOf(run.params).toEqualTypeOf<Params>();
        // @ts-expect-error no such parameter
        void run.params.fil;
        return source;
      },
      schema,
    });
    const first = mapper('first', {
      from: stage,
      schema,
      map: (record, context) => {
        expectTypeOf(context.run.params).toEqualTypeOf<Params>();
        return record;
      },
    });
    const second = mapper('second', {
      from: first,
      schema,
      // @ts-expect-error a parameter is no number
      flatMap: ({ n }, { run }) => [{ n: n + run.params.file }],
    });
    const end = saver('end', {
      from: second,
      sink: ({ params: { file, since } }) => {
        expectTypeOf(file).toEqualTypeOf<string>();
        expectTypeOf(since).toEqualTypeOf<Date | undefined>();
        return sinkOf<{ n: number }>();
      },
    });
    const made = pipeline('p', { savers: [end] });
    expect(made.params).toBe(params);
    expectTypeOf(made).toEqualTypeOf<Pipeline<typeof params>>();
    expectTypeOf<GivenParamsOf<(typeof made)['params']>>().toEqualTypeOf<
      Readonly<{ file: string; since?: unknown }>
    >();
    expectTypeOf(made).toExtend<Pipeline>();
  });

  test('of parameters without a schema are text', () => {
    const plain = fetcher('f', {
      source: ({ params }) => {
        expectTypeOf(params).toEqualTypeOf<Readonly<Record<string, string>>>();
        return sourceOf<never>();
      },
      schema: Numbered,
    });
    mapper('m', {
      from: plain,
      schema: Numbered,
      map: (record, { run }) => {
        expectTypeOf(run.params).toEqualTypeOf<Readonly<Record<string, string>>>();
        return record;
      },
    });
    const made = pipeline('p', { savers: [saver('s', { from: plain, sink: sinkOf() })] });
    expect(made.params).toBeUndefined();
    expectTypeOf<GivenParamsOf<(typeof made)['params']>>().toEqualTypeOf<
      Readonly<Record<string, string>>
    >();
  });

  test('of parameters flow to the hooks of a run', () => {
    const params = z.object({ file: z.string() });
    const stage = fetcher('f', {
      params,
      source: () => sourceOf<{ n: number }>(),
      schema: Numbered,
    });
    const savers = [saver('s', { from: stage, sink: sinkOf() })];
    const made = pipeline('p', {
      savers,
      onFailure: (run, error) => {
        expectTypeOf(run.params).toEqualTypeOf<Readonly<{ file: string }>>();
        expectTypeOf(run.hook).toEqualTypeOf<string>();
        void error.code;
      },
      finally: async (run, report) => {
        // @ts-expect-error no such parameter
        void run.params.fil;
        void report.state;
      },
    });
    expect([typeof made.onFailure, typeof made.finally]).toEqual(['function', 'function']);
    expect(pipeline('p', { savers })).not.toHaveProperty('finally');
    // @ts-expect-error it is no function
    expect(() => pipeline('p', { savers, finally: 'mail' })).toThrow(
      'The pipeline "p": finally must be a function; it is "mail".',
    );
  });

  test('refuse what does not fit', () => {
    const source = sourceOf<never>();
    // @ts-expect-error parameters have names
    expect(() => fetcher('f', { source, schema: Numbered, params: z.string() })).toThrow(
      'The stage "f": params must be a schema made by z.object.',
    );
    // @ts-expect-error the source yields text where the schema wants a number
    fetcher('f', { source: sourceOf<{ n: string }>(), schema: Numbered });
    // @ts-expect-error the result lacks what the schema wants
    mapper('m', { from: numbers, schema: Texted, map: (record) => record });
    // @ts-expect-error the record has no such field
    mapper('m', { from: numbers, schema: Texted, map: ({ text }) => ({ text }) });
    // @ts-expect-error one result is not a list
    mapper('m', { from: numbers, schema: Numbered, flatMap: (record) => record });
    // @ts-expect-error the sink wants other records
    saver('s', { from: numbers, sink: sinkOf<{ text: string }>() });
    // @ts-expect-error nothing can be read from a saver
    expect(() => mapper('m', { from: out, schema: Numbered, map: (r) => r })).toThrow(
      'from must be a fetcher, a mapper or a branch of a route',
    );
    // @ts-expect-error only savers end a pipeline
    expect(() => pipeline('p', { savers: [texts] })).toThrow('needs at least one saver');
  });
});
