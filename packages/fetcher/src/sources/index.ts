export type { CsvOptions } from './csv.ts';
export { csv } from './csv.ts';
export type { FilePaths } from './file-list.ts';
export type { FileOptions } from './file-source.ts';
export { generate } from './generate.ts';
export { jsonArray } from './json-array.ts';
export { ndjson } from './ndjson.ts';
export type { RecordsInput } from './records.ts';
export { records } from './records.ts';
