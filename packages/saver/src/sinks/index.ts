export type { NdjsonOptions } from './ndjson.ts';
export { ndjson } from './ndjson.ts';
