export type { NdjsonOptions } from '../ndjson-folder/ndjson-sink.ts';
export { ndjsonSink } from '../ndjson-folder/ndjson-sink.ts';
export type { CsvOptions } from './csv.ts';
export { csv } from './csv.ts';
export type { FilePaths } from './file-list.ts';
export type { FileOptions } from './file-source.ts';
export { jsonArray } from './json-array.ts';
export { ndjsonSource } from './ndjson-source.ts';
