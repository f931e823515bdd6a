import {
  addCounts,
  type BranchFailure,
  type ChunkId,
  type ChunkLimits,
  type Counts,
  depthOfFailures,
  fanOut,
  forkedBy,
  formatChunkId,
  formatPosition,
  Gathering,
  NO_COUNTS,
  offsetsOf,
  type Origins,
  type Part,
  type PipelineSpec,
  type Position,
  readPieces,
  recordsOf,
  regionsAround,
} from '@leat/core';
import { memoryStores } from '@leat/connectors/memory';
import {
  ChunkWorker,
  failureOf,
  isJoin,
  putTogether,
  type PutTogether,
  wantedUntil,
} from '@leat/mapper';
import {
  type DeadRecord,
  type Envelope,
  type Logger,
  type Piece,
  PipelineStores,
  readingOf,
  readRecords,
  textsOf,
} from '@leat/runtime';
import { type Mapper, originOf, type RunInfo, type Saver, type Stage } from '@leat/sdk';
import { noWait } from './no-wait.ts';
import type { DeadTestRecord, TestedPipeline } from './result.ts';
import { valueIn } from './value-in.ts';

/** A chunk on its way to a stage. */
export interface TestChunk {
  readonly id: ChunkId;
  readonly body: Uint8Array;
  /** Its books: they promise as many records as the body holds. */
  readonly counts: Counts;
  readonly position: Position;
  readonly origins?: Origins | undefined;
  /** What it carries for joins. */
  readonly branch?: BranchOf;
}

/** What a chunk in a branch carries for the join. */
type BranchOf = Pick<Part, 'regions' | 'part' | 'failures'>;

/** A chunk that a stage is done with. */
interface FinishedTestChunk extends Omit<TestChunk, 'body'> {
  /** How many records the stage was given. */
  readonly given?: number;
}

/** What records go through. */
export interface Route {
  /** Upstream before downstream. */
  readonly stages: readonly Stage[];
  /** Who reads from whom, for the stages that have readers. */
  readonly spec: PipelineSpec;
}

/** Takes chunks through stages, one stage after the other, with the code that mappers work with. */
export class Walk {
  readonly #route: Route;
  readonly #run: RunInfo<unknown>;
  readonly #limits: ChunkLimits;
  readonly #logger: Logger;
  readonly #stores: PipelineStores;
  readonly #waiting = new Map<string, TestChunk[]>();
  readonly #results: Record<string, unknown[]> = {};
  readonly #dead: DeadTestRecord[] = [];
  /** The books of all chunks that have come to their end. */
  #settled = NO_COUNTS;

  constructor(route: Route, run: RunInfo<unknown>, limits: ChunkLimits, logger: Logger) {
    this.#route = route;
    this.#run = run;
    this.#limits = limits;
    this.#logger = logger;
    const { name } = route.spec;
    this.#stores = new PipelineStores(memoryStores(), { pipeline: name, logger });
  }

  /** Puts a chunk in front of a stage. */
  send(stage: string, chunk: TestChunk): void {
    const chunks = this.#waiting.get(stage);
    if (chunks === undefined) this.#waiting.set(stage, [chunk]);
    else chunks.push(chunk);
  }

  /** Puts what a stage made of a chunk in front of all who read the stage. */
  passOn(
    from: string,
    { id, counts, position, origins, branch = {}, given = 0 }: FinishedTestChunk,
    pieces: readonly Piece[],
  ): void {
    const { spec } = this.#route;
    const finished = { chunk: id, counts, ...branch, origins, records: given };
    const children = fanOut(spec, from, finished, pieces);
    for (const { reader, chunk, counts: share, piece, origins: own, ...rest } of children) {
      this.send(reader, {
        id: chunk,
        body: piece.body,
        counts: share,
        position,
        origins: own,
        branch: rest,
      });
    }
    if (children.length > 0) return;
    const region = regionsAround(spec, from).at(-1);
    if (region === undefined) this.#settle(counts);
    else this.send(region.join, { id, body: new Uint8Array(), counts, position, branch });
  }

  bury(letter: DeadTestRecord): void {
    this.#dead.push(letter);
  }

  /** Lets every stage do its work. */
  async run(): Promise<TestedPipeline> {
    for (const stage of this.#route.stages) {
      if (stage.kind === 'mapper') await this.#map(stage);
      else if (stage.kind === 'saver') this.#save(stage);
    }
    const { in: inn, expanded, filtered, dead, retries } = this.#settled;
    const saved = recordsOf(this.#settled);
    return {
      results: this.#results,
      dead: this.#dead,
      records: { in: inn, expanded, saved, filtered, dead },
      retries,
    };
  }

  async #map(mapper: Mapper): Promise<void> {
    const worker = new ChunkWorker(mapper, this.#logger, this.#stores, noWait(mapper.name));
    const results = this.#resultsOf(mapper.name);
    for (const chunk of this.#chunksOf(mapper)) {
      const { id, body, counts, position, origins, branch = {} } = chunk;
      const offsets = branch.regions && offsetsOf(origins, branch.regions);
      const job = {
        run: this.#run,
        limits: this.#limits,
        chunk: formatChunkId(id),
        body,
        records: recordsOf(counts),
        position,
        ...(origins !== undefined && { origins }),
        ...(offsets !== undefined && { offsets }),
      };
      const done = await worker.work(job, wantedUntil(new AbortController().signal));
      const { pieces, dead, expanded, filtered, retries } = done;
      const { failures, counts: lost } = this.#giveUp(mapper.name, chunk, dead);
      const { read, filtered: unread } = readPieces(this.#route.spec, mapper.name, pieces);
      for (const piece of read) {
        for (const text of textsOf(piece.body)) results.push(valueIn(text, mapper.numbers));
      }
      const own = { in: 0, expanded, filtered: filtered + unread, dead: 0, retries };
      const finished = {
        id,
        counts: addCounts(addCounts(counts, own), lost),
        position,
        origins,
        branch: { ...branch, failures },
        given: recordsOf(counts),
      };
      this.passOn(mapper.name, finished, read);
    }
  }

  /** What waits for a stage; for a join, put together. */
  #chunksOf({ name }: Mapper): readonly TestChunk[] {
    const waiting = this.#waiting.get(name) ?? [];
    const stage = this.#route.spec.stages.find((each) => each.name === name);
    if (!isJoin(stage)) return waiting;
    const chunks: TestChunk[] = [];
    const gatherings = new Map<string, Gathering<Envelope>>();
    const bodies = new Map<Envelope, Uint8Array>();
    for (const { id, body, counts, position, origins, branch = {} } of waiting) {
      const own = { run: this.#run.id, chunk: id, counts, position, sending: '' };
      const envelope = { ...own, ...branch, ...(origins !== undefined && { origins }) };
      const forked = forkedBy(envelope) as ChunkId;
      const key = formatChunkId(forked);
      const gathering = gatherings.get(key) ?? new Gathering<Envelope>();
      gatherings.set(key, gathering);
      bodies.set(envelope, body);
      if (!gathering.add(envelope)) continue;
      const parts = gathering.parts.map((each) => ({
        envelope: each,
        body: bodies.get(each) as Uint8Array,
      }));
      chunks.push(this.#together(name, putTogether(stage, forked, parts)));
    }
    return chunks;
  }

  #together(name: string, { envelope, body, dead, outer }: PutTogether): TestChunk {
    const { chunk: id, counts, position, origins, regions, failures } = envelope;
    const branch = { ...(regions && { regions }), ...(failures && { failures }) };
    const places = { id, body, counts, position, origins: outer, branch };
    const lost = this.#giveUp(name, places, dead);
    const { filtered } = lost.counts;
    const settled = addCounts(counts, { ...NO_COUNTS, filtered, dead: -filtered });
    return {
      id,
      body,
      counts: settled,
      position,
      origins,
      branch: { ...branch, failures: lost.failures },
    };
  }

  /** Buries records, or leaves them to the join of the branch. */
  #giveUp(
    stage: string,
    { origins, branch = {} }: TestChunk,
    dead: readonly DeadRecord[],
  ): { readonly failures: readonly BranchFailure[]; readonly counts: Counts } {
    const { failures = [] } = branch;
    const depth = depthOfFailures(this.#route.spec, stage);
    if (depth === undefined) {
      for (const { index: _, ...letter } of dead) this.bury({ stage, ...letter });
      return { failures, counts: { ...NO_COUNTS, dead: dead.length } };
    }
    const failed = dead.map((record) =>
      failureOf(stage, depth, { record, place: origins?.[record.index] ?? record.index }),
    );
    return {
      failures: [...failures, ...failed],
      counts: { ...NO_COUNTS, filtered: dead.length },
    };
  }

  /** Checks records that nobody has read yet, as savers do. */
  #save(saver: Saver): void {
    const { name } = saver;
    const from = originOf(saver);
    const reading = readingOf(saver);
    const results = this.#resultsOf(name);
    for (const { body, counts, position, origins } of this.#waiting.get(name) ?? []) {
      const texts = textsOf(body);
      const read = reading === undefined ? [] : readRecords(body, from, reading);
      let dead = 0;
      for (const [at, record] of texts.entries()) {
        const found = read[at];
        if (found === undefined || !('invalid' in found)) {
          results.push(valueIn(found?.line ?? record, from.numbers));
          continue;
        }
        dead++;
        const error = { name: found.invalid.name, message: found.invalid.message };
        const where = formatPosition(position, origins?.[at] ?? at);
        this.bury({ stage: name, record, position: where, attempts: 1, error });
      }
      this.#settle(addCounts(counts, { ...NO_COUNTS, dead }));
    }
  }

  #settle(counts: Counts): void {
    this.#settled = addCounts(this.#settled, counts);
  }

  #resultsOf(stage: string): unknown[] {
    return (this.#results[stage] ??= []);
  }
}
