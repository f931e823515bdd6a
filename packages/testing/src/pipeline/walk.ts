import {
  type ChunkId,
  childId,
  type ChunkLimits,
  formatChunkId,
  formatPosition,
  type Origins,
  type Position,
  type RunReport,
} from '@leat/core';
import { ChunkWorker, wantedUntil } from '@leat/mapper';
import { type Logger, readRecords, textsOf } from '@leat/runtime';
import type { Mapper, Pipeline, RunInfo, Saver } from '@leat/sdk';
import { noWait } from './no-wait.ts';
import type { DeadTestRecord, TestedPipeline } from './result.ts';

/** A chunk on its way to a stage. */
export interface TestChunk {
  readonly id: ChunkId;
  readonly body: Uint8Array;
  readonly records: number;
  readonly position: Position;
  readonly origins?: Origins;
}

type Account = { -readonly [K in keyof RunReport['records']]: number };

/** Takes chunks through stages, one stage after the other, with the code that mappers work with. */
export class Walk {
  readonly #stages: Pipeline['stages'];
  readonly #run: RunInfo<unknown>;
  readonly #limits: ChunkLimits;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, TestChunk[]>();
  readonly #results: Record<string, unknown[]> = {};
  readonly #dead: DeadTestRecord[] = [];
  readonly #records: Account = { in: 0, expanded: 0, saved: 0, filtered: 0, dead: 0 };
  #retries = 0;

  /** @param stages upstream before downstream */
  constructor(
    stages: Pipeline['stages'],
    run: RunInfo<unknown>,
    limits: ChunkLimits,
    logger: Logger,
  ) {
    this.#stages = stages;
    this.#run = run;
    this.#limits = limits;
    this.#logger = logger;
  }

  /** Puts a chunk in front of a stage. */
  send(stage: string, chunk: TestChunk): void {
    const chunks = this.#waiting.get(stage);
    if (chunks === undefined) this.#waiting.set(stage, [chunk]);
    else chunks.push(chunk);
  }

  /** Puts a chunk in front of all who read a stage. */
  sendOn(from: string, chunk: TestChunk): void {
    const readers = this.#stages.filter(
      (each) => each.kind !== 'fetcher' && each.from.name === from,
    );
    for (const [nth, { name }] of readers.entries()) {
      if (nth > 0) this.#records.expanded += chunk.records;
      this.send(name, { ...chunk, id: childId(chunk.id, nth, readers.length) });
    }
    if (readers.length === 0) this.#records.saved += chunk.records;
  }

  /** Records come in. */
  count(records: number): void {
    this.#records.in += records;
  }

  bury(letter: DeadTestRecord): void {
    this.#records.dead++;
    this.#dead.push(letter);
  }

  /** Lets every stage do its work. */
  async run(): Promise<TestedPipeline> {
    for (const stage of this.#stages) {
      if (stage.kind === 'mapper') await this.#map(stage);
      else if (stage.kind === 'saver') this.#save(stage);
    }
    const { in: inn, expanded, saved, filtered, dead } = this.#records;
    return {
      results: this.#results,
      dead: this.#dead,
      records: { in: inn, expanded, saved, filtered, dead },
      retries: this.#retries,
    };
  }

  async #map(mapper: Mapper): Promise<void> {
    const worker = new ChunkWorker(mapper, this.#logger, noWait(mapper.name));
    const results = this.#resultsOf(mapper.name);
    for (const { id, ...chunk } of this.#waiting.get(mapper.name) ?? []) {
      const common = { run: this.#run, limits: this.#limits, chunk: formatChunkId(id) };
      const wanted = wantedUntil(new AbortController().signal);
      const done = await worker.work({ ...common, ...chunk }, wanted);
      this.#records.expanded += done.expanded;
      this.#records.filtered += done.filtered;
      this.#retries += done.retries;
      for (const { index: _, ...letter } of done.dead) this.bury({ stage: mapper.name, ...letter });
      for (const [place, { body, records, origins }] of done.pieces.entries()) {
        for (const text of textsOf(body)) results.push(JSON.parse(text));
        const child = childId(id, place, done.pieces.length);
        this.sendOn(mapper.name, { id: child, body, records, origins, position: chunk.position });
      }
    }
  }

  /** Checks records that nobody has read yet, as savers do. */
  #save({ name, from }: Saver): void {
    const results = this.#resultsOf(name);
    for (const { body, position, origins } of this.#waiting.get(name) ?? []) {
      const texts = textsOf(body);
      const read = from.kind === 'fetcher' ? readRecords(body, from.schema) : [];
      for (const [at, record] of texts.entries()) {
        const found = read[at];
        if (found === undefined || !('invalid' in found)) {
          results.push(JSON.parse(record));
          this.#records.saved++;
          continue;
        }
        const error = { name: found.invalid.name, message: found.invalid.message };
        const where = formatPosition(position, origins?.[at] ?? at);
        this.bury({ stage: name, record, position: where, attempts: 1, error });
      }
    }
  }

  #resultsOf(stage: string): unknown[] {
    return (this.#results[stage] ??= []);
  }
}
