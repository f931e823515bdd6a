export { claim, type Holder } from './claim.ts';
export { isAlive, processSpace, startTime } from './process-identity.ts';
