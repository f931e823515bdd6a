export { demandFileFor } from './executor.ts';
export type { MapperServiceOptions } from './mapper.ts';
export { MapperService, openInlineMapper, runMapper } from './mapper.ts';
export { encodeResult, encodeResults } from './encode.ts';
export { pickBranches } from './pick-branches.ts';
export { wantedUntil } from './watch.ts';
export { ChunkWorker } from './worker.ts';
