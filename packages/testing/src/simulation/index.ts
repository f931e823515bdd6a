// The simulator's parts, for Leat's own suites; they do not follow semantic versioning.
export { Clock } from './clock.ts';
export { ModelLink } from './model/model-link.ts';
export { ModelServer } from './model/model-server.ts';
export type { Plant } from './plant.ts';
export { Random } from './random.ts';
export { SimulatedProcess } from './simulated-process.ts';
export type { Outcome } from './simulate-seed.ts';
export { describeFailure, simulate } from './simulate-seed.ts';
export { installGlobals } from './virtual-globals.ts';
