/** What a source counts: lines of text, rows of a table, elements of an array, or records of its own. */
export type PositionUnit = 'line' | 'row' | 'element' | 'record';

/** Where in the dataset a chunk begins. */
export interface Position {
  /** What was read, as the user named it: a file, most often. */
  readonly source: string;
  readonly unit: PositionUnit;
  /** The first record's number; lines and rows count from 1, elements and records from 0. */
  readonly first: number;
}

const POSITION = /^(line|row|element|record) (\d{1,15}) of (.+)$/s;

/** `line 42 of cities.ndjson`. */
export function formatPosition(position: Position, offset = 0): string {
  return `${position.unit} ${position.first + offset} of ${position.source}`;
}

/** The inverse of {@link formatPosition}; `undefined` for anything that it cannot have made. */
export function parsePosition(text: string): Position | undefined {
  const match = POSITION.exec(text);
  if (match === null) return undefined;
  return {
    unit: match[1] as PositionUnit,
    first: Number(match[2]),
    source: match[3] as string,
  };
}
