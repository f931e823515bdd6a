import {
  BusyError,
  fetcher,
  join,
  mapper,
  type Mapper,
  otherwise,
  type Pipeline,
  pipeline,
  type RecordFailure,
  route,
  type Saver,
  saver,
  type Sink,
  TerminalError,
  type Upstream,
  when,
} from '@leat/sdk';
import type { ZodType } from 'zod';
import { Added, addedTo, isPoison, isWavering, resultsOf, Row, rows } from './rows.ts';

export const SHAPES = [
  'line',
  'line',
  'line',
  'fan-out',
  'chain',
  'direct',
  'union',
  'route',
  'when',
  'join',
] as const;
export type Shape = (typeof SHAPES)[number];
export const WORKS = ['map', 'enrich', 'flatMap', 'flatMap', 'mapChunk'] as const;
export type OwnWork = (typeof WORKS)[number];

/** What goes wrong in user code. */
interface Troubles {
  /** About how many milliseconds a record takes. */
  readonly slowness: number;
  readonly failureRate: number;
  readonly hasPoison: boolean;
  /** Whether `recover` gives a result for every other record that is poison, and for those that waver. */
  readonly recovers: boolean;
  /** Whether a record may die at one execution and live at the next, by its number. */
  readonly isFickle: (n: number) => boolean;
  /** Whether a route says something else each time, though all that it says leads to the same sink. */
  readonly isImpure?: boolean;
}

/** Neither is used: the simulator puts its own in their places. */
const [source] = rows(0);
const sink: Sink = { kind: 'none', open: () => Promise.reject(new Error('nobody opens it')) };

/**
 * Makes a pipeline as users do, whose functions have their troubles.
 *
 * @param inline the readers of mappers that have no queue, by name
 */
export function ownPipeline(
  shape: Shape,
  work: OwnWork,
  troubles: Troubles,
  inline: ReadonlySet<string>,
): Pipeline {
  if (source === undefined) throw new Error('no source');
  const numbers = fetcher('numbers', { source, schema: Row });
  const first = shape === 'direct' ? numbers : makeMapper(work, numbers, troubles);
  if (shape === 'route' || shape === 'when') {
    const savers =
      shape === 'route'
        ? routed(first, troubles, inline)
        : selected(numbers, first, troubles, inline);
    return pipeline('simulated', { savers });
  }
  if (shape === 'join') {
    const from = joined(first, troubles, inline);
    return pipeline('simulated', {
      savers: [saver('out', { from, sink, inline: inline.has('out') })],
    });
  }
  const last =
    shape === 'chain' || shape === 'union' ? again(shape, first, troubles, inline) : first;
  const names = shape === 'fan-out' ? ['left', 'right'] : ['out'];
  const savers = names.map((name) =>
    saver(name, {
      // A record comes by two ways to the saver of a union.
      from: shape === 'union' ? [first, last] : last,
      sink,
      inline: shape !== 'union' && last.kind === 'mapper' && inline.has(name),
    }),
  );
  return pipeline('simulated', { savers });
}

type Rows = Upstream<ZodType<Row, Row>, undefined>;

/** Each record takes one branch, both, or none; the branches come together again at the saver. */
function routed(
  from: Rows,
  { isImpure = false }: Troubles,
  inline: ReadonlySet<string>,
): readonly Saver<undefined>[] {
  const { to } = route('triage', {
    from,
    to: ['odd', 'even', 'rest'],
    pick: ({ n }) => {
      if (n % 11 === 8) return undefined;
      if (n % 6 === 5) return ['even', 'odd'];
      const isRest = isImpure && n % 2 === 1 ? Math.random() < 0.5 : n % 7 === 6;
      return isRest ? 'rest' : n % 2 === 0 ? 'even' : 'odd';
    },
    otherwise: inline.has('left') ? 'dead' : 'filter',
  });
  const evens = mapper('again', {
    from: to.even,
    filter: ({ n }) => n % 8 !== 2,
    inline: inline.has('again'),
  });
  return [saver('out', { from: [evens, to.odd, to.rest], sink })];
}

/** Predicates on what nobody has read yet, on a mapper, and on what was selected; what is left may be filtered. */
function selected(
  numbers: Rows,
  first: Rows,
  { slowness }: Troubles,
  inline: ReadonlySet<string>,
): readonly Saver<undefined>[] {
  const few = when(numbers, ({ n }) => n % 3 !== 1);
  const fewer = mapper('again', {
    from: inline.has('again') ? few : otherwise(few),
    filter: ({ n }) => idle(n % 5 !== 0, slowness / 4),
  });
  const large = when(first, ({ n }) => n % 4 > 1);
  const larger = when(large, ({ n }) => n % 4 === 3);
  return [
    saver('left', { from: larger, sink, inline: inline.has('left') }),
    saver('right', { from: otherwise(large), sink, inline: inline.has('right') }),
    saver('out', { from: fewer, sink, inline: inline.has('out') }),
  ];
}

/**
 * Two branches that are put together, one of which has branches of its own: a branch that gives some up, one that
 * leaves some out, and a route whose branches meet.
 */
function joined(
  from: Rows,
  { slowness }: Troubles,
  inline: ReadonlySet<string>,
): Mapper<ZodType<Row, Row>, undefined> {
  const torn = mapper('again', {
    from,
    schema: Row,
    inline: from.kind === 'mapper' && inline.has('again'),
    map: (row) => {
      if (row.n % 9 === 5) throw new TerminalError('torn');
      return idle({ ...row, k: row.k + 1 }, slowness / 4);
    },
  });
  const few = mapper('few', { from: torn, filter: ({ n }) => n % 8 !== 2 });
  const { to } = route('triage', {
    from: torn,
    to: ['odd', 'even'],
    pick: ({ n }) => (n % 10 === 7 ? undefined : n % 2 === 0 ? 'even' : 'odd'),
    otherwise: 'filter',
  });
  const odds = mapper('odds', { from: to.odd, schema: Row, map: (row) => row });
  const evens = mapper('evens', { from: to.even, schema: Row, map: (row) => row });
  const met = join('met', {
    from: { odds, evens },
    schema: Row,
    missing: 'pass',
    map: ({ odds: odd, evens: even }) => idle(odd ?? even ?? { n: -1, k: 0 }, slowness / 4),
  });
  const inner = join('inner', {
    from: { few, met },
    schema: Row,
    missing: inline.has('left') ? 'dead' : 'filter',
    map: ({ few: one, met: other }) => ({ n: one.n, k: one.k + other.k }),
  });
  return join('outer', {
    from: inline.has('right') ? { inner, from } : { from, inner },
    schema: Row,
    missing: inline.has('out') ? 'pass' : 'dead',
    map: ({ inner: one, from: other }) => idle(one ?? other ?? { n: -1, k: 0 }, slowness / 4),
  });
}

/** A second mapper; that of a union has the records of the first one. */
function again(
  shape: Shape,
  from: Upstream<ZodType<Row, Row>, undefined>,
  { slowness }: Troubles,
  inline: ReadonlySet<string>,
): Mapper<ZodType<Row, Row>, undefined> {
  const common = { from, inline: inline.has('again') };
  const takesMs = slowness / 4;
  return shape === 'union'
    ? mapper('again', { ...common, filter: ({ n }) => idle(n % 6 !== 5, takesMs) })
    : mapper('again', { ...common, schema: Row, map: (row) => idle(row, takesMs) });
}

function makeMapper(
  work: OwnWork,
  from: ReturnType<typeof fetcher<typeof Row>>,
  { slowness, failureRate, hasPoison, recovers, isFickle }: Troubles,
): Mapper<ZodType<Row, Row>, undefined> {
  const retry = { attempts: 30, initialDelayMs: 20, maxDelayMs: 500 };
  const common = { from, schema: Row, retry, concurrency: 4 };
  const suffer = (row: Row): void => {
    if (hasPoison && isPoison(row.n)) throw new TerminalError('poison');
    if (recovers && isWavering(row.n) && Math.random() < 0.5) throw new TerminalError('wavering');
    if (isFickle(row.n) && Math.random() < 0.5) throw new TerminalError('fickle');
    if (Math.random() >= failureRate) return;
    throw Math.random() < 0.5 ? new BusyError('try later') : new Error('bad luck');
  };
  const recoveredBy =
    <T>(made: (row: Row) => T) =>
    (row: Row, { error }: RecordFailure): T => {
      // Like the function, if that may succeed another time: what is sent on is the same.
      if (recovers && error.message === 'wavering') return made(row);
      if (recovers && error.message === 'poison' && row.n % 2 === 0) {
        return made({ ...row, k: row.k + 50 });
      }
      // The letter stays as it would have been.
      throw error;
    };
  if (work === 'map') {
    return mapper('work', {
      ...common,
      recover: recoveredBy((row) => idle(row, slowness)),
      map: (row) => {
        suffer(row);
        return idle(row, slowness);
      },
    });
  }
  if (work === 'enrich') {
    return mapper('work', {
      ...common,
      schema: Added,
      recover: recoveredBy((row) => addedTo(row)),
      enrich: (row) => {
        suffer(row);
        return idle(addedTo(row), slowness);
      },
    });
  }
  if (work === 'mapChunk') {
    return mapper('work', {
      ...common,
      recover: recoveredBy((row) => row),
      mapChunk: (group) => {
        for (const row of group) suffer(row);
        return idle(group, slowness);
      },
    });
  }
  return mapper('work', {
    ...common,
    recover: recoveredBy((row) => resultsOf(row)),
    flatMap: async (row) => {
      await idle(row, slowness);
      suffer(row);
      return resultsOf(row);
    },
  });
}

/** Takes its time, now and then much longer than the acknowledgement window. */
function idle<T>(value: T, aboutMs: number): T | Promise<T> {
  if (aboutMs === 0) return value;
  const ms = aboutMs * 2 * Math.random() * (Math.random() < 0.02 ? 10 : 1);
  return new Promise((resolve) => {
    setTimeout(() => resolve(value), ms);
  });
}
