import { type ChunkId, parseChunkId } from '@leat/core';

/** Enough for a billion chunks; longer numbers still work but no longer sort in a plain `ls`. */
const SEQ_DIGITS = 9;
const SUFFIX = '.ndjson';

/**
 * The file name of a chunk's segment: its chunk id, padded so that names sort in dataset order. Places
 * are as wide as the number of siblings: `42.3-12` becomes `000000042.03-12.ndjson`.
 */
export function segmentName(id: ChunkId): string {
  const path = id.path.replaceAll(
    /\.(\d+)-(\d+)/g,
    (_step, place: string, siblings: string) =>
      `.${place.padStart(siblings.length, '0')}-${siblings}`,
  );
  return `${String(id.seq).padStart(SEQ_DIGITS, '0')}${path}${SUFFIX}`;
}

/** The inverse of {@link segmentName}; `undefined` for a file that is no segment. */
export function parseSegmentName(name: string): ChunkId | undefined {
  if (!name.endsWith(SUFFIX)) return undefined;
  const id = parseChunkId(name.slice(0, -SUFFIX.length).replaceAll(/(^|\.)0+(?=\d)/g, '$1'));
  return id !== undefined && segmentName(id) === name ? id : undefined;
}
