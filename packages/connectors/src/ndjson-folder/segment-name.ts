const NAME = /^segment-(\d{9}|[1-9]\d{9,14})\.ndjson$/;

/** The file name of a segment: `segment-000000017.ndjson`; names sort by number up to a billion. */
export function segmentName(segment: number): string {
  return `segment-${String(segment).padStart(9, '0')}.ndjson`;
}

/** The inverse of {@link segmentName}; `undefined` for a file that is no segment. */
export function parseSegmentName(name: string): number | undefined {
  const match = NAME.exec(name);
  return match === null ? undefined : Number(match[1]);
}
