import {
  type BranchFailure,
  classifyFailure,
  decideRetry,
  depthOfFailures,
  describeThrown,
  fateOfJoining,
  linksIn,
  messageOf,
  type Outlet,
  outletsOf,
  outputName,
  parsePosition,
  readersOf,
  type Region,
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

/** A record, and how it came to where it is. */
interface Way {
  readonly record: string;
  readonly place: Place;
  readonly steps: Step[];
  readonly open: readonly Joining[];
}

/** A record in branches that a join puts together. */
interface Joining {
  readonly region: Region;
  readonly entered: string;
  /** By part, what the branch has made of it. */
  readonly found: string[][];
  readonly failures: BranchFailure[];
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
    const { fetcher, spec } = this.#pipeline;
    const way = { record, place, steps, open: [] };
    await this.#readBy(outletsOf(spec, fetcher.name), new Set([fetcher.name]), way);
    return steps;
  }

  /**
   * Lets all read a record that read the same outputs of a stage.
   *
   * @param open the branches that the record is in, for their joins
   */
  async #readBy(
    outlets: readonly Outlet[],
    outputs: ReadonlySet<string>,
    { record, place, steps, open }: Way,
  ): Promise<void> {
    for (const outlet of outlets) {
      const links = linksIn([outlet]).filter(({ output }) => outputs.has(output));
      if (links.length === 0) continue;
      if (!('reader' in outlet)) {
        const { region } = outlet;
        const joining = region && { region, entered: record, found: [], failures: [] };
        const within = joining === undefined ? open : [...open, joining];
        await this.#readBy(outlet.outlets, outputs, { record, place, steps, open: within });
        if (joining !== undefined) await this.#close(joining, { record, place, steps, open });
        continue;
      }
      const joining = open.at(-1);
      if (outlet.part !== undefined && joining !== undefined) {
        (joining.found[outlet.part] ??= []).push(record);
      } else {
        await this.#at(outlet.reader, { record, place, steps, open });
      }
    }
  }

  /** What becomes of a record whose branches have ended. */
  async #close({ region, entered, found, failures }: Joining, way: Way): Promise<void> {
    const { join, parts, missing } = region;
    const fate = fateOfJoining(
      { found: Array.from(found, (each) => each ?? []), failures },
      { parts, missing },
    );
    if (fate.type === 'filtered' || found.flat().length + failures.length === 0) return;
    if (fate.type !== 'together') {
      this.#lose(join, { ...way, record: entered }, fate.type);
      return;
    }
    const fields = parts.flatMap((part, nth) =>
      (found[nth] ?? []).map((line) => `${JSON.stringify(part)}:${line}`),
    );
    await this.#at(join, { ...way, record: `{${fields.join(',')}}` });
  }

  /** A record is given up: in a branch the join makes the letter. */
  #lose(stage: string, { record, steps, open }: Way, error: string): void {
    const joining = open.at(-1);
    if (depthOfFailures(this.#pipeline.spec, stage) === undefined || joining === undefined) {
      const { kind } = this.#pipeline.spec.stages.find(({ name }) => name === stage) ?? {
        kind: 'mapper',
      };
      steps.push({ stage, kind, record, error });
    } else {
      const failure = {
        depth: open.length,
        place: 0,
        stage,
        attempts: 1,
        error: { name: '', message: error },
      };
      joining.failures.push(failure);
    }
  }

  async #at(name: string, way: Way): Promise<void> {
    const { record, place, steps, open } = way;
    const stage = this.#pipeline.stages.find((each) => each.name === name);
    if (stage === undefined || stage.kind === 'fetcher') throw new Error(`no stage ${name}`);
    const { kind } = stage;
    const outlets = outletsOf(this.#pipeline.spec, name);
    try {
      const read = readOf(stage, record);
      if (stage.kind === 'mapper' && stage.work.type === 'route') {
        const line = read.line ?? record;
        const outputs = this.#branchesOf(stage, stage.work, read);
        steps.push({ stage: name, kind, record, output: outputs.map(() => line) });
        await this.#readBy(outlets, new Set(outputs), { record: line, place, steps, open });
        return;
      }
      const made = stage.kind === 'saver' || (await this.#map(stage, read, place));
      const output = made === true ? [read.line ?? record] : made;
      steps.push({ stage: name, kind, record, output });
      if (kind !== 'mapper') return;
      for (const line of output) {
        await this.#readBy(outlets, new Set([name]), { record: line, place, steps, open });
      }
    } catch (error) {
      this.#lose(name, way, messageOf(error));
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
