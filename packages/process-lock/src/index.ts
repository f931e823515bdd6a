export { claim, type Holder } from './claim.ts';
export { makeDirectory } from './make-directory.ts';
export { isAlive, processSpace, startTime } from './process-identity.ts';
