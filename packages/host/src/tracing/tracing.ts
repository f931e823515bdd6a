import type { ChunkTracer, Logger } from '@leat/runtime';
import type { Pipeline } from '@leat/sdk';

/** The spans of a process, on their way to a collector. Disposed of, it sends what is left, within a bounded time. */
interface Tracing extends AsyncDisposable {
  readonly tracer: ChunkTracer;
}

/**
 * Traces, if there is a collector. Otherwise nothing is loaded that only tracing needs.
 *
 * @param endpoint the address of a collector that takes OTLP over HTTP
 * @param role as a part of the service's name: `<pipeline>-<role>`
 */
export async function openTracing(
  endpoint: string | undefined,
  logger: Logger,
  { spec }: Pipeline,
  role: string,
): Promise<Tracing | undefined> {
  if (endpoint === undefined) return undefined;
  const { exportSpans } = await import('./span-export.ts');
  return exportSpans(endpoint, spec, role, logger);
}
