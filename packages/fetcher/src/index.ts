export type { Conducted } from './conduct-options.ts';
export type { FetcherServiceOptions } from './fetcher.ts';
export { runFetcher } from './fetcher.ts';
