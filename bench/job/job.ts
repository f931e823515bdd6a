/** One job, the same for every contender: read a file of records, do something to each, write them to disk. */
export interface Job {
  /** A file of newline-delimited JSON. */
  readonly dataset: string;
  readonly records: number;
  readonly chunkSize: number;
  readonly transform: TransformName;
  /** How many mappers; processes of their own, unless all is one process. */
  readonly mappers: number;
  /** A folder that is not there yet, for everything that is written. */
  readonly dir: string;
  /** Whether a chunk counts as saved only when the output is on the disk, rather than in the page cache. */
  readonly fsync: boolean;
}

/**
 * `bytes`: passed on unread. `identity`: read and written. `cheap`: a field is added. `enrich`: the same field,
 * put into the line, whose other bytes are not written anew. `checked`: as `cheap`, with schemas.
 */
export type TransformName = 'bytes' | 'identity' | 'cheap' | 'enrich' | 'checked';

/** From when the source began to be read until all was saved, in milliseconds since 1970. */
export interface Span {
  readonly from: number;
  readonly until: number;
}
