import type { Pipeline } from '@leat/sdk';
import type { ChunkTracer } from '@leat/runtime';
import type { Call } from './command.ts';

/** The spans of a process, on their way to a collector. Disposed of, it sends what is left, within a bounded time. */
export interface Tracing extends AsyncDisposable {
  readonly tracer: ChunkTracer;
}

/**
 * Traces, if a collector is configured. Otherwise nothing is loaded that only tracing needs.
 *
 * @param role as a part of the service's name: `<pipeline>-<role>`
 */
export async function openTracing(
  { settings, logger }: Call,
  { spec }: Pipeline,
  role: string,
): Promise<Tracing | undefined> {
  const { otlpEndpoint } = settings;
  if (otlpEndpoint === undefined) return undefined;
  const { exportSpans } = await import('./span-export.ts');
  return exportSpans(otlpEndpoint, spec, role, logger);
}
