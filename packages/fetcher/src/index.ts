export type { Conducted } from './conduct.ts';
export type { FetcherServiceOptions } from './fetcher.ts';
export { runFetcher } from './fetcher.ts';
