import type { ChunkLimits } from '@leat/core';
import type { RunInfo, Source, SourceChunk } from '@leat/sdk';
import type { Doubt, Fate, Step } from './fate.ts';

/** A record of the dataset. */
export interface DatasetRecord {
  /** Which of the datasets that somebody may put in one another's place. */
  readonly edition: number;
  /** Its place in the dataset, from 0. */
  readonly index: number;
  /** A line of JSON. */
  readonly line: string;
}

/** What must become of a chunk. */
export interface ExpectedChunk {
  readonly records: number;
  /** By saver, the lines that its sink must hold. */
  readonly lines: ReadonlyMap<string, readonly string[]>;
  /** The dead letters, as `stage record`. */
  readonly dead: readonly string[];
  readonly filtered: number;
  /** Records that may be dead or saved: they are in none of the above. */
  readonly doubts: readonly Doubt[];
}

/** The records of a run, how they are cut, and what must become of them. Somebody may change them. */
export class Dataset {
  readonly chunkSize: number;
  /** Which of its sources counts at the moment. */
  edition = 0;
  readonly #sources: readonly Source<unknown>[];
  readonly #limits: ChunkLimits;
  readonly #editions: (readonly ExpectedChunk[])[] = [];

  /** @param sources what is read, and what somebody may put in its place */
  constructor(sources: readonly Source<unknown>[], limits: ChunkLimits) {
    this.#sources = sources;
    this.#limits = limits;
    this.chunkSize = limits.chunkSize;
  }

  /** Cuts every edition into chunks, and settles what must become of each. */
  async settle(
    { run, fetcher }: { readonly run: RunInfo<unknown>; readonly fetcher: string },
    fateOf: (record: DatasetRecord) => Promise<Fate>,
  ): Promise<void> {
    for (const [edition, source] of this.#sources.entries()) {
      const chunks: ExpectedChunk[] = [];
      const { signal } = new AbortController();
      const request = { run, ...this.#limits, cursor: null, signal };
      for await (const chunk of source.chunks(request)) {
        const fates: Fate[] = rejectedIn(fetcher, chunk);
        for (const [at, line] of linesIn(chunk).entries()) {
          const index = chunk.position.first + (chunk.origins?.[at] ?? at);
          fates.push(await fateOf({ edition, index, line }));
        }
        chunks.push(expectedOf(fates));
      }
      this.#editions.push(chunks);
    }
  }

  /** Whether somebody may put other records in the place of these. */
  get canChange(): boolean {
    return this.edition + 1 < this.#sources.length;
  }

  source(): Source<unknown> {
    const source = this.#sources[this.edition];
    if (source === undefined) throw new RangeError('there is no such edition');
    return source;
  }

  get records(): number {
    return this.#now().reduce((sum, { records }) => sum + records, 0);
  }

  /** How many chunks the run makes of it. */
  get chunks(): number {
    return this.#now().length;
  }

  get dead(): readonly string[] {
    return this.#now().flatMap(({ dead }) => dead);
  }

  get filtered(): number {
    return this.#now().reduce((sum, { filtered }) => sum + filtered, 0);
  }

  deadOf(seq: number, edition: number = this.edition): readonly string[] {
    return this.#editions[edition]?.[seq]?.dead ?? [];
  }

  /** The dead letters of the dataset as it is, and as it was before somebody changed it. */
  get deadEver(): ReadonlySet<string> {
    const editions = this.#editions.slice(0, this.edition + 1);
    return new Set(editions.flat().flatMap(({ dead }) => dead));
  }

  /** The lines that a saver must hold of a chunk. */
  linesOf(saver: string, seq: number, edition: number = this.edition): readonly string[] {
    return this.#editions[edition]?.[seq]?.lines.get(saver) ?? [];
  }

  /** The lines that a saver must hold. */
  lines(saver: string): readonly string[] {
    return this.#now().flatMap(({ lines }) => lines.get(saver) ?? []);
  }

  /** The records that may be dead or saved. */
  get doubts(): readonly Doubt[] {
    return this.#now().flatMap(({ doubts }) => doubts);
  }

  /** What a saver may hold besides. */
  doubtfulLines(saver: string): ReadonlySet<string> {
    const editions = this.#editions.slice(0, this.edition + 1).flat();
    return new Set(
      editions.flatMap(({ doubts }) => doubts.flatMap((doubt) => linesOf(doubt, saver))),
    );
  }

  #now(): readonly ExpectedChunk[] {
    return this.#editions[this.edition] ?? [];
  }
}

/** A line of JSON for each record of a chunk. */
export function linesIn({ body }: SourceChunk): string[] {
  return Buffer.from(body).toString().split('\n').slice(0, -1);
}

function rejectedIn(fetcher: string, { rejected = [] }: SourceChunk): Fate[] {
  return rejected.map(({ raw, reason }) => [
    { stage: fetcher, kind: 'fetcher', record: raw, error: reason },
  ]);
}

/** What a saver must hold of a record that is in doubt, if it lives. */
export function linesOf({ lines }: Doubt, saver: string): readonly string[] {
  return lines.get(saver) ?? [];
}

function expectedOf(fates: readonly Fate[]): ExpectedChunk {
  const sure = fates.filter((fate) => !fate.some(({ isInDoubt }) => isInDoubt === true));
  const doubts = fates.flatMap((fate) => doubtOf(fate) ?? []);
  return { ...countedOf(sure), records: fates.length, doubts };
}

function doubtOf(fate: Fate): Doubt | undefined {
  const step = fate.find(({ isInDoubt }) => isInDoubt === true);
  return step && { letter: `${step.stage} ${step.record}`, lines: countedOf([fate]).lines };
}

function countedOf(fates: readonly Fate[]): Pick<ExpectedChunk, 'lines' | 'dead' | 'filtered'> {
  const lines = new Map<string, string[]>();
  const dead: string[] = [];
  let filtered = 0;
  const count = ({ stage, kind, record, output }: Step): void => {
    if (output === undefined) dead.push(`${stage} ${record}`);
    else if (kind === 'mapper') filtered += output.length === 0 ? 1 : 0;
    else lines.set(stage, [...(lines.get(stage) ?? []), ...output]);
  };
  for (const fate of fates) for (const step of fate) count(step);
  return { lines, dead, filtered };
}
