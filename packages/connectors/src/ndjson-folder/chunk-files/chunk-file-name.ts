import { type ChunkId, parseChunkId } from '@leat/core';

/**
 * Enough for a billion chunks, of ten thousand records each; longer numbers still work but no longer sort
 * in a plain `ls`.
 */
const SEQ_DIGITS = 9;
const INDEX_DIGITS = 4;
const STAGE_DIGITS = 2;
const SUFFIX = '.ndjson';

/**
 * The file name of a chunk's segment: its chunk id, padded so that names sort in dataset order. Places
 * are as wide as the number of siblings: `42.3-12` becomes `000000042.03-12.ndjson`, and the redriven
 * record `42~1-17` becomes `000000042~01-0017.ndjson`.
 */
export function segmentName(id: ChunkId): string {
  const path = id.path
    .replaceAll(
      /\.(\d+)-(\d+)/g,
      (_step, place: string, siblings: string) =>
        `.${place.padStart(siblings.length, '0')}-${siblings}`,
    )
    .replaceAll(
      /~(\d+)-(\d+)/g,
      (_step, stage: string, index: string) =>
        `~${stage.padStart(STAGE_DIGITS, '0')}-${index.padStart(INDEX_DIGITS, '0')}`,
    );
  return `${String(id.seq).padStart(SEQ_DIGITS, '0')}${path}${SUFFIX}`;
}

/** The inverse of {@link segmentName}; `undefined` for a file that is no segment. */
export function parseSegmentName(name: string): ChunkId | undefined {
  if (!name.endsWith(SUFFIX)) return undefined;
  const id = parseChunkId(name.slice(0, -SUFFIX.length).replaceAll(/(^|[.~-])0+(?=\d)/g, '$1'));
  return id !== undefined && segmentName(id) === name ? id : undefined;
}
