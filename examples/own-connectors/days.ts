import { LeatError, type Source, type SourceChunk, type SourceRequest } from 'leat';

/** The days of a year, as `{ day: '2026-01-01' }`: a source of records that are computed. */
export function days(year: number): Source<{ day: string }> {
  return { kind: 'days', chunks: (request) => read(year, request) };
}

async function* read(
  year: number,
  { cursor, chunkSize, maxBytes, signal }: SourceRequest,
): AsyncGenerator<SourceChunk> {
  const total = (Date.UTC(year + 1, 0) - Date.UTC(year, 0)) / 86_400_000;
  let next = startAt(cursor, total);
  while (next < total) {
    signal.throwIfAborted();
    const first = next;
    const lines: Buffer[] = [];
    let bytes = 0;
    while (next < total && lines.length < chunkSize) {
      const day = new Date(Date.UTC(year, 0, 1 + next)).toISOString().slice(0, 10);
      const line = Buffer.from(`${JSON.stringify({ day })}\n`);
      if (lines.length > 0 && bytes + line.length > maxBytes) break;
      lines.push(line);
      bytes += line.length;
      next++;
    }
    yield {
      body: Buffer.concat(lines),
      records: lines.length,
      // The one who comes with this cursor gets the chunk that follows, and no other.
      nextCursor: next,
      position: { source: `the days of ${year}`, unit: 'record', first },
      fraction: next / total,
    };
  }
}

function startAt(cursor: unknown, total: number): number {
  const start = cursor ?? 0;
  if (typeof start === 'number' && Number.isInteger(start) && start >= 0 && start <= total) {
    return start;
  }
  throw new LeatError(
    'source-changed',
    `The cursor ${JSON.stringify(cursor)} is not a day of the year: go on with the year that the run began with.`,
  );
}
