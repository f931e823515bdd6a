// What every source, every sink and all stores must do, as suites for vitest; and what tests beside them need.
export { claimContract } from './claim-contract.ts';
export { fenceContract } from './fence-contract.ts';
export type { SinkInChild, SinkUnderTest } from './sink-under-test.ts';
export { sinkContract } from './sink-contract.ts';
export {
  all,
  chunkOf,
  commitInChild,
  contextOf,
  identityFor,
  newRun,
  recordsOf,
  sampleChunks,
  sinkChild,
  writeChunks,
} from './sink-under-test.ts';
export type { ContractSubject, Outcome } from './source-contract.ts';
export {
  expectResumable,
  expectSound,
  linesOf,
  numbersOf,
  readAll,
  request,
  sourceContract,
} from './source-contract.ts';
export type { StoresUnderTest } from './stores-contract.ts';
export { storesContract } from './stores-contract.ts';
