import {
  type ChunkLimits,
  formatPosition,
  type GivenParams,
  LeatError,
  NO_COUNTS,
} from '@leat/core';
import { records as recordsSource } from '@leat/connectors/memory';
import { createLogger, readRun } from '@leat/runtime';
import {
  type Fetcher,
  type Mapper,
  originOf,
  type Pipeline,
  type RunInfo,
  type Stage,
} from '@leat/sdk';
import { chunkOfFile, readFailedChunk } from './failed-chunk.ts';
import { onServer } from './on-server.ts';
import type { TestedPipeline } from './result.ts';
import { type Route, Walk } from './walk.ts';

export interface TestPipelineOptions {
  /**
   * The run's parameters, for `context.run.params`; the secret ones, too. A failed chunk has its own, which
   * these complete.
   * @defaultValue none
   */
  readonly params?: GivenParams;
  /**
   * Records in a chunk.
   * @defaultValue the `chunkSize` of the fetcher
   */
  readonly chunkSize?: number;
  /**
   * Whether the records go through the services, over a real NATS server that is started for them. It has to be a
   * whole pipeline, and what `results` has is what savers committed: nothing of mappers.
   * @defaultValue `false`
   */
  readonly server?: boolean;
}

/**
 * Takes records through a pipeline, or through one mapper, without a server: with the code that mappers
 * work with, so schemas are checked, failures are tried again as `retry` says, though without waiting, and
 * what is given up is a dead letter. The source is not read and no sink is opened. `threads` and `timeoutMs`
 * have no effect: the functions run here.
 *
 * @param subject a pipeline; or a mapper, whose records are those of the stage that it reads
 * @param given records as they stand in the JSON, or a file that `leat dead export RUN CHUNK` has written,
 * whose records begin at the stage that gave them up
 * @throws LeatError `invalid-configuration` if the file cannot be replayed, or the parameters do not fit the
 * pipeline's schema
 */
export async function testPipeline(
  subject: Pipeline | Mapper,
  given: readonly unknown[] | string | URL,
  options: TestPipelineOptions = {},
): Promise<TestedPipeline> {
  const fetcher = fetcherOf(subject);
  if (options.server === true) return onServer(wholeOf(subject), listOf(given), options);
  const { chunkSize = fetcher.chunkSize, params = {} } = options;
  const limits = { chunkSize, maxBytes: fetcher.maxBytes };
  const route = routeOf(subject);
  const { stages, spec } = route;
  const walkFor = (run: RunInfo<unknown>): Walk =>
    new Walk(route, run, limits, createLogger({ format: 'json', level: 'silent' }));
  if (typeof given === 'string' || given instanceof URL) {
    const file = await readFailedChunk(given);
    demandReplayable(stages, file.stage);
    const walk = walkFor(
      readRun(fetcher, {
        id: file.run,
        pipeline: spec.name,
        params: { ...file.params, ...params },
      }),
    );
    walk.send(file.stage, chunkOfFile(file));
    return walk.run();
  }
  const run = readRun(fetcher, { id: 'test', pipeline: spec.name, params });
  const walk = walkFor(run);
  const from = subject.kind === 'pipeline' ? fetcher.name : subject.from[0].name;
  await readInto(walk, { given, run, limits, fetcher: fetcher.name, from });
  return walk.run();
}

/** A mapper by itself reads from a stage that does nothing. */
function routeOf(subject: Pipeline | Mapper): Route {
  if (subject.kind === 'pipeline') return subject;
  const { name, kind } = subject;
  const from = subject.from[0].name;
  return {
    stages: [subject],
    spec: {
      name: 'test',
      stages: [
        { name: from, kind: 'fetcher' },
        { name, kind, from },
      ],
    },
  };
}

function wholeOf(subject: Pipeline | Mapper): Pipeline {
  if (subject.kind === 'pipeline') return subject;
  const sentence = `testPipeline runs a whole pipeline on a server, and ${subject.name} is a mapper: give the pipeline.`;
  throw new LeatError('invalid-configuration', sentence);
}

function listOf(given: readonly unknown[] | string | URL): readonly unknown[] {
  if (typeof given !== 'string' && !(given instanceof URL)) return given;
  throw new LeatError(
    'invalid-configuration',
    'testPipeline replays a failed chunk without a server: leave out the option server.',
  );
}

interface Reading {
  readonly given: readonly unknown[];
  readonly run: RunInfo<unknown>;
  readonly limits: ChunkLimits;
  readonly fetcher: string;
  /** The stage whose readers get the chunks. */
  readonly from: string;
}

/** Cuts records into chunks, as the fetcher does with those of a source. */
async function readInto(walk: Walk, { given, run, limits, fetcher, from }: Reading): Promise<void> {
  const { signal } = new AbortController();
  let seq = 0;
  for await (const chunk of recordsSource(given).chunks({ run, ...limits, cursor: null, signal })) {
    const { body, records, position, origins, rejected = [] } = chunk;
    for (const { offset, raw, reason } of rejected) {
      walk.bury({
        stage: fetcher,
        record: raw,
        position: formatPosition(position, offset),
        attempts: 1,
        error: { name: 'RejectedBySource', message: reason },
      });
    }
    const id = { seq: seq++, path: '' };
    const counts = { ...NO_COUNTS, in: records + rejected.length, dead: rejected.length };
    const pieces = records === 0 ? [] : [{ body, records, ...(origins && { origins }) }];
    walk.passOn(from, { id, counts, position }, pieces);
  }
}

function fetcherOf(subject: Pipeline | Mapper): Fetcher {
  if (subject.kind === 'pipeline') return subject.fetcher;
  const [from] = subject.from;
  if (from.kind === 'fetcher') return from;
  return fetcherOf(from.kind === 'output' ? from.stage : from);
}

function demandReplayable(stages: readonly Stage[], name: string): void {
  const stage = stages.find((each) => each.name === name);
  const isReplayable =
    stage?.kind === 'mapper' || (stage?.kind === 'saver' && originOf(stage).kind === 'fetcher');
  if (isReplayable) return;
  const names = stages.map((each) => each.name).join(', ');
  const why =
    stage === undefined
      ? `which is none of ${names}: give the pipeline that it is from`
      : `which is a ${stage.kind}: only what a mapper gave up can be replayed, because no source is read and no sink is opened`;
  throw new LeatError(
    'invalid-configuration',
    `The records of the file were given up by ${name}, ${why}.`,
  );
}
