// What every source and every sink must do, as suites for vitest; and what tests beside them need.
export { claimContract } from './claim-contract.ts';
export { fenceContract } from './fence-contract.ts';
export type { SinkInChild, SinkUnderTest } from './sink-contract.ts';
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
  sinkContract,
  writeChunks,
} from './sink-contract.ts';
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
