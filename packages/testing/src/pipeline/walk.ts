import {
  addCounts,
  type ChunkId,
  type ChunkLimits,
  type Counts,
  fanOut,
  formatChunkId,
  formatPosition,
  NO_COUNTS,
  type Origins,
  type PipelineSpec,
  type Position,
  readPieces,
  recordsOf,
} from '@leat/core';
import { memoryStores } from '@leat/connectors/memory';
import { ChunkWorker, wantedUntil } from '@leat/mapper';
import {
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
}

/** A chunk that a stage is done with. */
type FinishedTestChunk = Pick<TestChunk, 'id' | 'counts' | 'position'>;

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
    { id, counts, position }: FinishedTestChunk,
    pieces: readonly Piece[],
  ): void {
    const children = fanOut(this.#route.spec, from, { chunk: id, counts }, pieces);
    if (children.length === 0) this.#settle(counts);
    for (const { reader, chunk, counts: share, piece } of children) {
      const { body, origins } = piece;
      this.send(reader, { id: chunk, body, counts: share, position, origins });
    }
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
    for (const chunk of this.#waiting.get(mapper.name) ?? []) {
      const { id, body, counts, position, origins } = chunk;
      const job = {
        run: this.#run,
        limits: this.#limits,
        chunk: formatChunkId(id),
        body,
        records: recordsOf(counts),
        position,
        ...(origins !== undefined && { origins }),
      };
      const done = await worker.work(job, wantedUntil(new AbortController().signal));
      const { pieces, dead, expanded, filtered, retries } = done;
      for (const { index: _, ...letter } of dead) this.bury({ stage: mapper.name, ...letter });
      const { read, filtered: unread } = readPieces(this.#route.spec, mapper.name, pieces);
      for (const piece of read) {
        for (const text of textsOf(piece.body)) results.push(valueIn(text, mapper.numbers));
      }
      const own = { in: 0, expanded, filtered: filtered + unread, dead: dead.length, retries };
      this.passOn(mapper.name, { id, counts: addCounts(counts, own), position }, read);
    }
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
