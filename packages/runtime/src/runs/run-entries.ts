import {
  type Counts,
  isVariableName,
  type LedgerCheckpoint,
  type RedriveWish,
  type RunProgress,
  type RunRequest,
  type RunState,
  type RunWish,
  type SinkIdentity,
  type StageKind,
  type Trouble,
} from '@leat/core';
import * as z from 'zod';
import { COUNT, INSTANT, type Shape, shapeOf } from '../shape.ts';

/** What stands in a pipeline's bucket is checked before it is believed: others may be allowed to write there. */

const STATES: Readonly<Record<RunState, true>> = {
  pending: true,
  running: true,
  paused: true,
  completed: true,
  'completed-with-dead-letters': true,
  failed: true,
  cancelled: true,
};
/**
 * How an entry names a state that it does not name as this version does. Services of the last release read it,
 * too, and would take a run with a state that they do not know for one that nobody has begun.
 */
const STORED = { 'completed-with-dead-letters': 'completed with dead letters' } as const;

/** Progress as its entry has it. */
export function storedProgress(progress: RunProgress): object {
  const { state } = progress;
  return state in STORED ? { ...progress, state: STORED[state as keyof typeof STORED] } : progress;
}

/** The inverse of {@link storedProgress}. */
export function progressOf(stored: RunProgress): RunProgress {
  const states = Object.entries(STORED) as [RunState, string][];
  const [state] = states.find(([, name]) => name === stored.state) ?? [];
  return state === undefined ? stored : { ...stored, state };
}

const WISHES: Readonly<Record<RunWish, true>> = { run: true, pause: true, cancel: true };
const KINDS: Readonly<Record<StageKind, true>> = { fetcher: true, mapper: true, saver: true };

const oneOf = <T extends string>(values: Readonly<Record<T, true>>): z.ZodType<T> =>
  z.enum(Object.keys(values) as T[]);
const byName = <T>(value: z.ZodType<T>): z.ZodType<Record<string, T>> =>
  z.record(z.string(), value);
const limit = z.int().min(1);

const runWish: z.ZodType<RunWish> = oneOf(WISHES);

const redriveWish: z.ZodType<RedriveWish> = z.looseObject({
  upTo: COUNT,
  index: COUNT.exactOptional(),
  chunk: z.string().exactOptional(),
  stage: z.string().exactOptional(),
  error: z.string().exactOptional(),
});

const runRequest: z.ZodType<RunRequest> = z.looseObject({
  run: z.string(),
  isIdGiven: z.boolean().exactOptional(),
  pipeline: z.string(),
  params: byName(z.json()),
  // A service reads its own variables by these names: they are no more than what `--secret` takes.
  secrets: byName(z.string().refine(isVariableName)).exactOptional(),
  spec: z.looseObject({
    name: z.string(),
    stages: z.array(
      z.looseObject({
        name: z.string(),
        kind: oneOf(KINDS),
        from: z.union([z.string(), z.array(z.string())]).exactOptional(),
        inline: z.literal(true).exactOptional(),
        to: z.array(z.string()).exactOptional(),
      }),
    ),
  }),
  file: z.string().exactOptional(),
  createdAt: INSTANT,
  born: z
    .string()
    .regex(/^[0-9a-f]{13}$/)
    .exactOptional(),
  limits: z.looseObject({ chunkSize: limit, maxBytes: limit }).exactOptional(),
  isRecovered: z.boolean().exactOptional(),
});

const sinkIdentity: z.ZodType<SinkIdentity> = z.looseObject({
  mark: z.string().regex(/^[\w-]{1,64}$/),
  place: z.string(),
});

/** Also below zero: a redriven record takes back what its run had counted. */
const change = z.looseObject({
  in: z.int(),
  expanded: z.int(),
  filtered: z.int(),
  dead: z.int(),
  retries: z.int(),
});
const counts: z.ZodType<Counts> = z.looseObject({
  in: COUNT,
  expanded: COUNT,
  filtered: COUNT,
  dead: COUNT,
  retries: COUNT,
});
const paths = z.array(z.string());
const divisions = byName(z.string()).exactOptional();

const ledger: z.ZodType<LedgerCheckpoint> = z.looseObject({
  watermark: COUNT,
  cursor: z.json(),
  next: COUNT,
  ended: z.boolean(),
  fraction: z.number().nullable(),
  settledAbove: z.array(z.tuple([COUNT, COUNT])),
  partly: byName(
    z.looseObject({ paths, counts: change, source: z.string().exactOptional(), divisions }),
  ),
  redrives: byName(
    z.looseObject({ letter: COUNT, paths, counts: change, divisions }),
  ).exactOptional(),
  source: z.looseObject({ sum: COUNT, isOfSettled: z.boolean().exactOptional() }).exactOptional(),
  totals: z.looseObject({ savedChunks: COUNT, deadChunks: COUNT, counts, duplicates: COUNT }),
  digest: z.string(),
});

const runProgress: z.ZodType<RunProgress> = z.looseObject({
  state: z.union([oneOf(STATES), z.enum(Object.values(STORED))]) as z.ZodType<RunState>,
  reason: z.string().exactOptional(),
  tolerated: z.looseObject({ settled: COUNT, dead: COUNT }).exactOptional(),
  holder: z.string().exactOptional(),
  fence: COUNT,
  startedAt: INSTANT,
  updatedAt: INSTANT,
  endedAt: INSTANT.exactOptional(),
  sinks: byName(sinkIdentity).exactOptional(),
  versions: byName(z.array(z.string())).exactOptional(),
  pace: z
    .looseObject({ recordsPerSecond: z.number(), remainingMs: z.number().nullable() })
    .exactOptional(),
  hooks: z
    .looseObject({
      ends: COUNT,
      state: oneOf(STATES).exactOptional(),
      ran: z.array(
        z.looseObject({
          id: z.string(),
          name: z.enum(['onFailure', 'finally']),
          attempts: COUNT,
          error: z.string().exactOptional(),
        }),
      ),
    })
    .exactOptional(),
  ledger,
});

const trouble: z.ZodType<Omit<Trouble, 'stage'>> = z.looseObject({
  reason: z.string(),
  at: INSTANT,
  fence: COUNT.exactOptional(),
});

export const isRunWish: Shape<RunWish> = shapeOf(runWish);
export const isRedriveWish: Shape<RedriveWish> = shapeOf(redriveWish);
export const isRunRequest: Shape<RunRequest> = shapeOf(runRequest);
export const isRunProgress: Shape<RunProgress> = shapeOf(runProgress);
/** What a stage of which the key tells the name says of its trouble. */
export const isTrouble: Shape<Omit<Trouble, 'stage'>> = shapeOf(trouble);
export const isSinkIdentity: Shape<SinkIdentity> = shapeOf(sinkIdentity);
