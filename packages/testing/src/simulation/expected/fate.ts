import {
  classifyFailure,
  decideRetry,
  describeThrown,
  messageOf,
  outputName,
  parsePosition,
  readersOf,
  requestId,
  TerminalError,
} from '@leat/core';
import { encodeResult, encodeResults, pickBranches } from '@leat/mapper';
import { type Logger, type ReadRecord, readingOf, readRecords, wait } from '@leat/runtime';
import {
  type Mapper,
  originOf,
  type Pipeline,
  type RecordFailure,
  type RouteWork,
  type RunInfo,
  type Saver,
  type StageContext,
} from '@leat/sdk';

/** What one stage made of one record. */
export interface Step {
  readonly stage: string;
  readonly kind: 'fetcher' | 'mapper' | 'saver';
  /** The record as it reached the stage: a line of JSON. */
  readonly record: string;
  /** What a mapper passes on or a saver saves; absent if the stage gives the record up. */
  readonly output?: readonly string[];
  /** Why it was given up. */
  readonly error?: string;
  /** Whether the stage may give the record up as well: then all that follows is in doubt. */
  readonly isInDoubt?: boolean;
}

/** What becomes of a record of the dataset, stage by stage. */
export type Fate = readonly Step[];

/** A record that may die in a stage at one execution, and live at the next. */
export interface Doubt {
  /** Its dead letter, as `stage record`. */
  readonly letter: string;
  /** By saver, what its sink must hold of it if it lives. */
  readonly lines: ReadonlyMap<string, readonly string[]>;
}

/** What the functions are told of a record. */
export type Place = Pick<StageContext<unknown>, 'chunk' | 'position'>;

/**
 * The plain evaluation of a pipeline's functions: one record after the other, one call at a time, without
 * chunks, queues or services. What a run must come to, whatever goes wrong.
 */
export class PlainEvaluation {
  readonly #pipeline: Pipeline;
  readonly #run: RunInfo<unknown>;
  readonly #logger: Logger;

  constructor(pipeline: Pipeline, run: RunInfo<unknown>, logger: Logger) {
    this.#pipeline = pipeline;
    this.#run = run;
    this.#logger = logger;
  }

  /** @param record a line of JSON of the dataset */
  async of(record: string, place: Place): Promise<Fate> {
    const steps: Step[] = [];
    await this.#readBy(this.#pipeline.fetcher.name, record, place, steps);
    return steps;
  }

  async #readBy(from: string, record: string, place: Place, steps: Step[]): Promise<void> {
    for (const stage of this.#pipeline.stages) {
      if (stage.kind === 'fetcher' || !stage.from.some((each) => each.name === from)) continue;
      const { name, kind } = stage;
      try {
        const read = readOf(stage, record);
        if (stage.kind === 'mapper' && stage.work.type === 'route') {
          const line = read.line ?? record;
          const outputs = this.#branchesOf(stage, stage.work, read);
          steps.push({ stage: name, kind, record, output: outputs.map(() => line) });
          for (const output of outputs) await this.#readBy(output, line, place, steps);
          continue;
        }
        const isSaver = stage.kind === 'saver';
        const made = isSaver || (await this.#map(stage, read, place));
        const output = made === true ? [read.line ?? record] : made;
        steps.push({ stage: name, kind, record, output });
        if (kind === 'mapper') {
          for (const line of output) await this.#readBy(name, line, place, steps);
        }
      } catch (error) {
        steps.push({ stage: name, kind, record, error: messageOf(error) });
      }
    }
  }

  /** Which branches a record takes, of those that somebody reads. */
  #branchesOf({ name }: Mapper, work: RouteWork, { value }: Read): readonly string[] {
    const picked = pickBranches(work, value, { run: this.#run });
    if ('error' in picked) throw picked.error;
    const { spec } = this.#pipeline;
    return ('branches' in picked ? picked.branches : [])
      .map((branch) => outputName(name, branch))
      .filter((output) => readersOf(spec, output).length > 0);
  }

  /** What a function has of a store that is empty, and whose first execution it is. */
  #alone({
    chunk,
    position,
  }: Place): Pick<StageContext, 'request' | 'idempotencyKey' | 'once'> &
    Pick<StageContext, 'state' | 'blobs'> {
    const id = requestId(this.#run.id, chunk, parsePosition(position)?.first ?? 0);
    return {
      request: { id },
      idempotencyKey: id,
      once: async (_key, effect) => effect(),
      get state() {
        return absent('state');
      },
      get blobs() {
        return absent('blobs');
      },
    };
  }

  /** Calls the function until it succeeds or its policy gives up. @returns `true` if the record is kept */
  async #map(mapper: Mapper, read: Read, place: Place): Promise<readonly string[] | true> {
    for (let failed = 0, busy = 0; ;) {
      const { signal } = new AbortController();
      const means = { run: this.#run, attempt: failed + 1, signal, logger: this.#logger };
      try {
        return await called(mapper, read, Object.assign(this.#alone(place), means, place));
      } catch (error) {
        const inARow = classifyFailure(error) === 'busy' ? ++busy : ++failed;
        const decision = decideRetry(mapper.retry, error, inARow, Math.random());
        if (decision.action === 'give-up' && mapper.recover === undefined) throw error;
        if (decision.action === 'give-up') {
          const failure = { error: describeThrown(error), attempts: failed };
          return recovered(mapper, read, failure, Object.assign(this.#alone(place), means, place));
        }
        await wait(decision.delayMs);
      }
    }
  }
}

type RecordWork = Exclude<Mapper['work'], RouteWork | { readonly type: 'mapChunk' }>;

/** A record as a stage reads it. */
type Read = Partial<Exclude<ReadRecord, { readonly invalid: unknown }>>;

/** @throws InvalidRecord if the record does not fit; what nobody has read yet is read by savers, too */
function readOf(stage: Mapper | Saver, record: string): Read {
  const reading = readingOf(stage);
  if (reading === undefined) return {};
  const [read] = readRecords(Buffer.from(`${record}\n`), originOf(stage), reading);
  if (read === undefined) throw new Error('it is no line');
  if ('invalid' in read) throw read.invalid;
  return read;
}

async function called(
  mapper: Mapper,
  { value, text }: Read,
  context: StageContext<unknown>,
): Promise<readonly string[] | true> {
  const { work } = mapper;
  if (work.type === 'mapChunk') {
    return encodeResults(mapper, await work.apply([value], context), 1);
  }
  const result: unknown = await (work as RecordWork).apply(value, context);
  const lines = encodeResult(mapper, await collected(result), text);
  return typeof lines === 'string' ? [lines] : lines;
}

/** What the mapper gives in the place of a record that is given up. */
async function recovered(
  mapper: Mapper,
  { value, text }: Read,
  failure: RecordFailure,
  context: StageContext<unknown>,
): Promise<readonly string[] | true> {
  const result: unknown = await mapper.recover?.(value, failure, context);
  if (mapper.work.type === 'mapChunk') return encodeResults(mapper, [result], 1);
  const lines = encodeResult(mapper, await collected(result), text);
  return typeof lines === 'string' ? [lines] : lines;
}

async function collected(result: unknown): Promise<unknown> {
  const isAsync = typeof result === 'object' && result !== null && Symbol.asyncIterator in result;
  if (!isAsync) return result;
  const items: unknown[] = [];
  for await (const item of result as AsyncIterable<unknown>) items.push(item);
  return items;
}

function absent(what: string): never {
  throw new TerminalError(`the simulator does not know context.${what}`);
}
