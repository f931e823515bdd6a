export { healthRoutes } from './health.ts';
export { openHttpEndpoint } from './http-endpoint.ts';
export type { Measurement } from './metrics/measure.ts';
export { measure } from './metrics/measure.ts';
export type { MetricRow, Role } from './metrics/metrics.ts';
export { METRICS } from './metrics/metrics.ts';
export type { ServiceHost } from './run-stage.ts';
export { runStage } from './run-stage.ts';
export { openTracing } from './tracing/tracing.ts';
