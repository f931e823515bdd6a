export type { DeadTestRecord, TestedPipeline } from './pipeline/result.ts';
export type { TestPipelineOptions } from './pipeline/test-pipeline.ts';
export { testPipeline } from './pipeline/test-pipeline.ts';
export type { SimulateOptions, SimulationReport } from './simulation/simulate.ts';
export { simulate, SimulationFailure } from './simulation/simulate.ts';
