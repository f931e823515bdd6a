import { hostname } from 'node:os';
import { messageOf, type PipelineSpec } from '@leat/core';
import { ChunkTracer, type Logger, wait } from '@leat/runtime';
import { context, diag, DiagLogLevel, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

/** How long the end of a process may wait for the collector. */
const FLUSH_MS = 3_000;

/**
 * Sends spans to a collector by OTLP over HTTP, in batches and beside the work. Spans that the collector does
 * not take are lost: the log says so once, and nothing waits for it.
 *
 * @param endpoint the collector's address, without `/v1/traces`
 */
export function exportSpans(
  endpoint: string,
  spec: PipelineSpec,
  role: string,
  logger: Logger,
): AsyncDisposable & { readonly tracer: ChunkTracer } {
  // Without the user and password that an address may hold.
  const collector = new URL(endpoint).origin;
  let isTold = false;
  const complain = (error: unknown): void => {
    const line = `spans are lost, the pipeline goes on without: ${reasonOf(error)}`;
    logger[isTold ? 'debug' : 'warn']({ collector }, line);
    isTold = true;
  };
  const say = (line: string): void => logger.debug(`opentelemetry: ${line}`);
  diag.setLogger(
    { error: say, warn: say, info: say, debug: say, verbose: say },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  setGlobalErrorHandler(complain);
  const url = `${endpoint.replace(/\/$/, '')}/v1/traces`;
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      'service.name': `${spec.name}-${role}`,
      'service.instance.id': `${hostname()}-${process.pid}`,
    }).merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url }))],
  });
  // For the user's code; where it has brought an SDK of its own, that one stays.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return {
    tracer: new ChunkTracer(spec, provider.getTracer('leat')),
    [Symbol.asyncDispose]: async () => {
      const over = new AbortController();
      const flushed = provider.shutdown().catch(complain);
      const late = wait(FLUSH_MS, over.signal).then(
        () => complain(new Error(`the collector did not take the last ones in ${FLUSH_MS} ms`)),
        () => undefined,
      );
      await Promise.race([flushed, late]);
      over.abort();
    },
  };
}

/** Where an address has several answers, Node names none of the errors but their code. */
function reasonOf(error: unknown): string {
  return messageOf(error) || String((error as { readonly code?: unknown }).code);
}
