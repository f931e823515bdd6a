import {
  checkName,
  type Missing,
  type NumberRule,
  type RetryPolicy,
  retryPolicy,
} from '@leat/core';
import { object, type output, type ZodObject, type ZodOptional, type ZodType } from 'zod';
import type { StageContext } from '../context.ts';
import type { ParamsOf, ParamsSchema } from '../params.ts';
import {
  demandCount,
  demandKnown,
  demandNumbers,
  demandSchema,
  invalid,
  nameOf,
  usedToWrite,
} from './check.ts';
import { commonFork } from './fork.ts';
import type { MayWait } from './mapper-common.ts';
import { sourcesOf } from './sources.ts';
import type { Mapper, Sources, Upstream } from './stages.ts';

/** The branches that a join puts together, by the names that its function knows them by. */
export type Branches<P extends ParamsSchema | undefined = ParamsSchema | undefined> = Readonly<
  Record<string, Upstream<ZodType, P>>
>;

/** What the branches have made of one record. What may be missing may be `undefined`. */
export type Parts<B extends Branches, M extends Missing> = {
  readonly [K in keyof B]: M extends 'pass'
    ? output<B[K]['schema']> | undefined
    : output<B[K]['schema']>;
};

/**
 * What a join is given.
 *
 * @typeParam B the branches
 * @typeParam S the schema of its records
 * @typeParam M what becomes of a record that misses a part
 * @typeParam P the schema of the run's parameters
 */
export interface JoinOptions<
  B extends Branches,
  S extends ZodType,
  M extends Missing,
  P extends ParamsSchema | undefined = ParamsSchema | undefined,
> {
  /**
   * The ends of the branches, two or more. They begin with one stage, the fork, and no other stage reads what lies
   * between. One of them may be the fork itself.
   */
  readonly from: B;
  /** What a result must look like; one that does not is a dead letter. */
  readonly schema: S;
  /**
   * What becomes of a record that a branch has filtered: a dead letter `MissingPart`, or it counts as filtered, or it
   * goes on without that part. With `'dead'` and `'filter'`, one that a branch has given up is a dead letter of the
   * join, and is tried again from the fork; with `'pass'` the branch makes the letter, and the record goes on.
   */
  readonly missing: M;
  /** Called once for each record, with one part of each branch. */
  readonly map: (
    parts: Parts<B, M>,
    context: StageContext<ParamsOf<NoInfer<P>>>,
  ) => MayWait<NoInfer<output<S>>>;
  /** As of a mapper. */
  readonly numbers?: NumberRule;
  /** As of a mapper. @defaultValue `16` */
  readonly concurrency?: number;
  /** As of a mapper. @defaultValue 5 attempts */
  readonly retry?: Partial<RetryPolicy> | number;
}

const OPTIONS: Readonly<Record<keyof JoinOptions<Branches, ZodType, Missing>, true>> = {
  from: true,
  schema: true,
  missing: true,
  map: true,
  numbers: true,
  concurrency: true,
  retry: true,
};

/**
 * Puts together again what parallel branches have made of each record, by record and not by arrival. The branches work
 * at the same time: a record waits for the slowest of them.
 *
 * Where two quick calls need no queues of their own, one mapper with `Promise.all` is simpler.
 *
 * @example
 * const face = mapper('face', { from: photos, schema: Face, map: findFace });
 * const match = mapper('match', { from: photos, schema: Match, map: lookUp });
 * const checked = join('checked', {
 *   from: { face, match },
 *   schema: Checked,
 *   missing: 'dead',
 *   map: ({ face, match }) => decide(face, match),
 * });
 * @throws LeatError `invalid-pipeline`
 */
export function join<
  const B extends Branches<P>,
  S extends ZodType,
  const M extends Missing,
  P extends ParamsSchema | undefined = undefined,
>(name: string, options: JoinOptions<B, S, M, P>): Mapper<S, P>;
export function join(name: string, options: JoinOptions<Branches, ZodType, Missing>): Mapper {
  const { from: branches, schema, missing, map, concurrency = 16, retry } = options;
  demandKnown(nameOf(name), options, OPTIONS);
  const parts = namesOf(name, branches);
  const ends = parts.map((part) => sourcesOf(name, branches[part])[0]);
  const { numbers = (ends[0] as Upstream).numbers } = options;
  demandNumbers(name, numbers);
  demandSchema(name, schema, usedToWrite(numbers));
  demandMissing(name, missing);
  demandCount(name, 'concurrency', concurrency);
  if (typeof map !== 'function') throw invalid(name, 'map must be a function');
  const fork = commonFork(name, ends);
  const isFork = (each: Upstream): boolean => each.name === fork.name;
  // It needs the records as the branches got them, for its dead letters.
  const isForkRead = missing !== 'pass' && !ends.some(isFork);
  if (fork.kind === 'mapper' && fork.work.type === 'route' && missing !== 'pass') {
    throw invalid(
      name,
      `joins branches of the route "${fork.name}", which not every record takes: its missing must be 'pass'`,
    );
  }
  return {
    kind: 'mapper',
    name,
    from: [...ends, ...(isForkRead ? [fork] : [])] as unknown as Sources,
    joins: { fork: fork.name, parts, missing, ...reads(name, branches, missing) },
    schema,
    numbers,
    isInferred: false,
    work: { type: 'map', apply: map as Mapper['work']['apply'] as never },
    concurrency,
    threads: 0,
    timeoutMs: undefined,
    retry: retryPolicy(retry),
    inline: undefined,
  };
}

/** @param branches as a file in JavaScript may give it */
function namesOf(name: string, branches: Branches): readonly string[] {
  const isObject = typeof branches === 'object' && branches !== null && !Array.isArray(branches);
  const parts = isObject ? Object.keys(branches) : [];
  if (parts.length < 2) {
    throw invalid(name, 'from must name two branches or more: from: { face, match }');
  }
  for (const part of parts) checkName('branch', part);
  return parts;
}

function demandMissing(name: string, missing: Missing): void {
  if (['dead', 'filter', 'pass'].includes(missing)) return;
  throw invalid(
    name,
    `missing must be 'dead', 'filter' or 'pass', which says what becomes of a record that a branch has left out; it is ${JSON.stringify(missing)}`,
  );
}

/** How the parts of a record are read. */
function reads(
  name: string,
  branches: Branches,
  missing: Missing,
): { readonly schema: ZodType; readonly numbers: NumberRule } {
  const [first, ...others] = Object.values(branches) as [Upstream, ...Upstream[]];
  const other = others.find(({ numbers }) => numbers !== first.numbers);
  if (other !== undefined) {
    throw invalid(
      name,
      `reads "${first.name}" and "${other.name}", whose numbers are not read alike: give both the same numbers`,
    );
  }
  const shape = Object.fromEntries(
    Object.entries(branches).map(([part, { schema }]): [string, ZodType | ZodOptional<ZodType>] => [
      part,
      missing === 'pass' ? schema.optional() : schema,
    ]),
  );
  const schema: ZodObject = object(shape);
  return { schema, numbers: first.numbers };
}
