// The simulator's parts, for Leat's own suites; they do not follow semantic versioning.
export { HooksSeen } from './hooks-seen.ts';
export { Clock } from './clock.ts';
export { Dataset } from './expected/dataset.ts';
export { PlainEvaluation } from './expected/fate.ts';
export { ModelLink } from './model/model-link.ts';
export { ModelServer } from './model/model-server.ts';
export type { ModelSink } from './model/model-sink.ts';
export { extraNameFor, type PipelineFile, pipelineOf } from './pipeline-file.ts';
export type { Plant } from './plant.ts';
export { Random } from './random.ts';
export type { Draw, Given, Scenario } from './scenario.ts';
export { SimulatedProcess } from './simulated-process.ts';
export type { Outcome } from './simulate-seed.ts';
export { simulateSeed } from './simulate-seed.ts';
export { installGlobals } from './virtual-globals.ts';
