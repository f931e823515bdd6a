const FEED = 10;
const RETURN = 13;
const QUOTE = 0x22;

/** How much of a file is looked at. */
const LOOK_BYTES = 64 * 1024;

/** What ends the lines of a file: a line feed, with or without carriage returns before it, or a carriage return. */
export type LineEnd = typeof FEED | typeof RETURN;

/**
 * Finds out what ends the lines of a CSV file. It is a carriage return alone only where the beginning of the
 * file has no line feed outside quotes: a single stray one must not cut the row in which it stands. The answer
 * depends on the file alone, so the lines are the same wherever in it the reading begins.
 */
export async function lineEndOf(buffers: AsyncIterable<Buffer>): Promise<LineEnd> {
  let isQuoted = false;
  let lineEnd: LineEnd = FEED;
  let left = LOOK_BYTES;
  try {
    for await (const buffer of buffers) {
      for (const byte of buffer.subarray(0, left)) {
        if (byte === QUOTE) isQuoted = !isQuoted;
        else if (byte === FEED && !isQuoted) return FEED;
        else if (byte === RETURN && !isQuoted) lineEnd = RETURN;
      }
      left -= buffer.length;
      if (left <= 0) break;
    }
  } catch {
    // What is wrong with the file is met again, and reported, when its rows are read.
  }
  return lineEnd;
}
