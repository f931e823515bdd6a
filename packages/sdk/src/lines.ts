const LINE_FEED = 10;

/** The lines of a body, each with its line feed; windows into the body, not copies. */
export function linesOf(body: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (
    let from = 0, end = body.indexOf(LINE_FEED);
    end !== -1;
    end = body.indexOf(LINE_FEED, from)
  ) {
    lines.push(body.subarray(from, end + 1));
    from = end + 1;
  }
  return lines;
}

export function countLines(body: Uint8Array): number {
  let count = 0;
  for (let at = body.indexOf(LINE_FEED); at !== -1; at = body.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}
