// Sinks, for pipeline files
export type { NdjsonOptions, PgliteOptions, PostgresOptions } from './sinks/index.ts';
export { ndjson, pglite, postgres } from './sinks/index.ts';

// The service, for the command line
export type { SaverServiceOptions } from './saver.ts';
export { runSaver } from './saver.ts';
