import { readFile, stat } from 'node:fs/promises';
import { type ChunkId, formatChunkId, RangeSet } from '@leat/core';
import { chunkDigest } from '@leat/sdk';
import { CommittedChunks, type Stretch } from './committed-chunks.ts';
import { GroupJournals, type Passage } from './group-journals.ts';
import { chunksOf, type FoundGroup, type GroupChunk, groupsIn } from './group-lines.ts';
import { fileToken } from './link-once.ts';
import type { RunFolder } from './run-folder.ts';
import { listSegments, segmentPath, segmentsFrom } from './segment-file.ts';

/** A group of which it is not known that it became a segment. */
interface Waiting {
  readonly name: string;
  /** The number that it tried for last. */
  segment: number;
  readonly token: string;
  readonly chunks: readonly Stretch[];
  readonly passage: Passage;
}

/** A chunk that is in a segment. */
export interface PlacedChunk extends GroupChunk {
  readonly segment: number;
}

/**
 * Knows which chunks are in the folder's segments: from the journals of all sessions, which say of each group
 * for which number it tries before it does, and from the names of the segments.
 *
 * The group that has a number is the one that tried for it last, and not for a higher one since: who finds a
 * number taken says so before it goes on. If several did, the segment's file decides.
 */
export class SegmentIndex {
  readonly committed: CommittedChunks = new CommittedChunks();
  readonly #folder: RunFolder;
  readonly #journals: GroupJournals;
  readonly #waiting = new Map<string, Waiting>();
  /** The numbers that groups went on to whose lines were not read yet. */
  readonly #moves = new Map<string, number>();
  readonly #placed = new Map<string, number>();
  readonly #known = new RangeSet();
  #next = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(folder: RunFolder) {
    this.#folder = folder;
    this.#journals = new GroupJournals(folder);
  }

  /** The number after the highest segment that it knows: it knows what is in all that are below. */
  get next(): number {
    return this.#next;
  }

  isPlaced(name: string): boolean {
    return this.#placed.has(name);
  }

  /** Takes in all segments that are there. @returns the numbers of those that no journal speaks of */
  look(): Promise<number[]> {
    return this.#inTurn(async () => {
      let listed = await listSegments(this.#folder);
      const end = (listed.at(-1) ?? -1) + 1;
      // Names that come while a directory is read may be passed over, also below those that are found.
      if (listed.length < end) listed = await listSegments(this.#folder);
      const numbers = listed.filter((number) => number < end && !this.#known.has(number));
      const later = segmentsFrom(this.#folder, Math.max(this.#next, end));
      return this.#take(numbers.concat(later));
    });
  }

  /**
   * Takes in the segments from the next one on.
   *
   * @throws Error if no journal speaks of one: its chunks are not known, and may be committed again by nobody
   */
  learn(): Promise<void> {
    return this.#inTurn(async () => {
      this.demandAll(await this.#take(segmentsFrom(this.#folder, this.#next)));
    });
  }

  /** @throws Error if there are segments that no journal speaks of */
  demandAll([stray]: readonly number[]): void {
    if (stray === undefined) return;
    throw new Error(
      `No journal speaks of the segment ${segmentPath(this.#folder, stray)}, so that nobody knows which chunks ` +
        'it has. Restore the folder "receipts" beside it, or move the segment to another directory.',
    );
  }

  /** A group has become a segment: of this session, or as it was found. In the order of their numbers. */
  settle(name: string, segment: number, chunks: readonly Stretch[]): void {
    for (const stretch of chunks) this.committed.add(stretch);
    this.#placed.set(name, segment);
    this.#known.add(segment);
    this.#waiting.delete(name);
    this.#next = Math.max(this.#next, segment + 1);
  }

  /**
   * Where chunks are, and their receipts, by chunk id: once each, if all is well. Those whose segments it has
   * not taken in are absent.
   */
  async find(ids: readonly ChunkId[]): Promise<Map<string, PlacedChunk[]>> {
    const found = new Map<string, PlacedChunk[]>();
    const wanted = new Set(ids.map((id) => formatChunkId(id)));
    let lowest = Number.POSITIVE_INFINITY;
    let highest = -1;
    for (const { seq } of ids) {
      lowest = Math.min(lowest, seq);
      highest = Math.max(highest, seq);
    }
    for await (const lines of this.#journals.blocks(lowest, highest)) {
      for (const group of groupsIn(lines)) {
        const segment = this.#placed.get(group.name);
        if (segment === undefined) continue;
        for (const chunk of chunksOf(lines, group, (id) => wanted.has(id))) {
          const { chunk: id } = chunk.receipt;
          const places = found.get(id);
          if (places === undefined) found.set(id, [{ ...chunk, segment }]);
          else places.push({ ...chunk, segment });
        }
      }
    }
    return found;
  }

  /**
   * Reads what the journals say of segments that are there, and not before: then their groups are in them.
   *
   * @param numbers in ascending order
   */
  async #take(numbers: readonly number[]): Promise<number[]> {
    await this.#journals.refresh((group, chunks, passage) => this.#note(group, chunks, passage));
    const candidates = new Map<number, Waiting[]>();
    for (const waiting of this.#waiting.values()) {
      const others = candidates.get(waiting.segment);
      if (others === undefined) candidates.set(waiting.segment, [waiting]);
      else others.push(waiting);
    }
    const strays: number[] = [];
    for (const number of numbers) {
      // Meanwhile this session may have made one of them.
      if (this.#known.has(number)) continue;
      const [first, ...others] = candidates.get(number) ?? [];
      const owner =
        first === undefined || others.length === 0
          ? first
          : await this.#ownerAmong(number, [first, ...others]);
      if (owner === undefined) strays.push(number);
      else this.settle(owner.name, number, owner.chunks);
    }
    return strays;
  }

  #note({ name, segment, token }: FoundGroup, chunks: readonly Stretch[], passage: Passage): void {
    if (this.#placed.has(name)) return;
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) waiting.segment = Math.max(waiting.segment, segment);
    else if (token === undefined) this.#moves.set(name, segment);
    else {
      const moved = this.#moves.get(name) ?? segment;
      this.#moves.delete(name);
      this.#waiting.set(name, { name, segment: Math.max(segment, moved), token, chunks, passage });
    }
  }

  /**
   * The group whose file a segment is. Where the files were copied since, it is one whose digests fit; the
   * books may still differ then, and any choice will do as long as it is always the same.
   */
  async #ownerAmong(segment: number, candidates: readonly Waiting[]): Promise<Waiting | undefined> {
    const file = segmentPath(this.#folder, segment);
    const token = fileToken(await stat(file, { bigint: true }));
    const exact = candidates.filter((candidate) => candidate.token === token);
    if (exact.length === 1) return exact[0];
    const content = await readFile(file);
    for (const candidate of candidates.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (await this.#fits(candidate, content)) return candidate;
    }
    return undefined;
  }

  async #fits({ passage }: Waiting, content: Buffer): Promise<boolean> {
    const lines = await this.#journals.read(passage);
    for (const group of groupsIn(lines)) {
      for (const { receipt, offset, bytes } of chunksOf(lines, group)) {
        const body = content.subarray(offset, offset + bytes);
        const isEmpty = bytes === 0 && receipt.digest === '';
        if (!isEmpty && chunkDigest(receipt.chunk, body) !== receipt.digest) return false;
      }
    }
    return true;
  }

  #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(task);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
