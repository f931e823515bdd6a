import type { ChunkToSave } from './chunk-to-save.ts';

/** Most chunks and bytes in one commit. */
export const MAX_COMMIT_CHUNKS = 32;
const MAX_COMMIT_BYTES = 8 * 1024 * 1024;

/** Takes the chunks of the next commit off those that wait. */
export function takeGroup(waiting: ChunkToSave[]): ChunkToSave[] {
  let bytes = 0;
  let count = 0;
  while (count < waiting.length && count < MAX_COMMIT_CHUNKS) {
    bytes += (waiting[count] as ChunkToSave).bytes;
    if (count > 0 && bytes > MAX_COMMIT_BYTES) break;
    count++;
  }
  return waiting.splice(0, count);
}
