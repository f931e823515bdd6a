// Sinks, for pipeline files
export type { NdjsonOptions } from './sinks/index.ts';
export { ndjson } from './sinks/index.ts';

// The service, for the command line
export type { SaverServiceOptions } from './saver.ts';
export { runSaver } from './saver.ts';
