// Sources, for pipeline files
export type { CsvOptions, FileOptions, FilePaths, RecordsInput } from './sources/index.ts';
export { csv, generate, jsonArray, ndjson, records } from './sources/index.ts';

// The service, for the command line
export type { Conducted } from './conduct.ts';
export type { FetcherServiceOptions } from './fetcher.ts';
export { runFetcher } from './fetcher.ts';
