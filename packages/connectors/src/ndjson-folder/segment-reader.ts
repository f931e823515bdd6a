import { readFile } from 'node:fs/promises';
import { countLines, type StoredChunk } from '@leat/sdk';
import { errorCode } from '../sink/error-code.ts';
import type { RunFolder } from './run-folder.ts';
import { segmentPath } from './segment-file.ts';
import type { PlacedChunk } from './segment-index.ts';
import { segmentName } from './segment-name.ts';

/** How much it keeps of what it read: chunks that follow one another stand in as many segments as there are savers. */
const KEPT_BYTES = 32 * 1024 * 1024;

/** Reads chunks back from their segments. */
export class SegmentReader {
  readonly #folder: RunFolder;
  /** Those that were used last come last; `undefined` for one that is gone. */
  readonly #kept = new Map<number, Buffer | undefined>();
  #bytes = 0;

  constructor(folder: RunFolder) {
    this.#folder = folder;
  }

  /** What stands where a chunk was put; `undefined` if its segment is gone. */
  async read(place: PlacedChunk): Promise<StoredChunk | undefined> {
    const { receipt, segment, offset, bytes, isLast } = place;
    const content = await this.#contentOf(segment);
    if (content === undefined) return undefined;
    // What was added to a segment counts as its last chunk's.
    const body = content.subarray(offset, isLast ? undefined : offset + bytes);
    return { chunk: receipt.chunk, records: countLines(body), body, isVerbatim: true };
  }

  async #contentOf(segment: number): Promise<Buffer | undefined> {
    let content = this.#kept.get(segment);
    if (content === undefined && !this.#kept.has(segment)) {
      content = await readFile(segmentPath(this.#folder, segment)).catch((error: unknown) => {
        if (errorCode(error) !== 'ENOENT') throw error;
        return undefined;
      });
      this.#bytes += content?.length ?? 0;
    }
    this.#kept.delete(segment);
    this.#kept.set(segment, content);
    for (const [oldest, unused] of this.#kept) {
      if (this.#bytes <= KEPT_BYTES || oldest === segment) break;
      this.#bytes -= unused?.length ?? 0;
      this.#kept.delete(oldest);
    }
    return content;
  }
}

/** A segment that no journal speaks of: it stands for a chunk that has the segment's name. */
export async function readStray(folder: RunFolder, segment: number): Promise<StoredChunk> {
  const body = await readFile(segmentPath(folder, segment));
  return { chunk: segmentName(segment), records: countLines(body), body, isVerbatim: true };
}
