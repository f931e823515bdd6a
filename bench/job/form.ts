import type { TransformName } from './job.ts';
import type { Item } from './record.ts';
import { mapItem, mapLines } from './transform.ts';

/** How a chunk stands in the data of a job, for libraries that make JSON of these themselves. */
export interface Form<Data> {
  readonly pack: (lines: Buffer) => Data;
  readonly map: (data: Data, transform: TransformName) => Data;
  readonly unpack: (data: Data) => Buffer;
}

/** As the documentation of such libraries has it: a chunk is an array of records, in every role. */
export const RECORDS: Form<readonly Item[]> = {
  pack: (lines) =>
    lines
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Item),
  map: (items, transform) => items.map((item) => mapItem(item, transform)),
  unpack: (items) => Buffer.from(items.map((item) => `${JSON.stringify(item)}\n`).join('')),
};

/** Cheaper for them: a chunk is one string, which no role but the mapper takes apart. */
export const LINES: Form<string> = {
  pack: (lines) => lines.toString(),
  map: mapLines,
  unpack: (lines) => Buffer.from(lines),
};
