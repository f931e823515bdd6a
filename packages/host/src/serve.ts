import type { RunReport } from '@leat/core';
import type { HostedStages } from './hosted-stages.ts';
import type { PipelineOrFile } from './pipeline-source.ts';
import type { Service } from './service.ts';
import type { ServiceOptions } from './service-options.ts';

/** How a service is hosted. */
export interface ServeOptions extends ServiceOptions, HostedStages {
  /**
   * Where `/healthz`, `/readyz` and `/metrics` are answered; port 0 is any that is free.
   * @defaultValue nowhere; the host, if only a port is given, is `'127.0.0.1'`
   */
  readonly http?: { readonly port: number; readonly host?: string };
  /**
   * End when no run is pending or running, rather than wait for the next.
   * @defaultValue `false`
   */
  readonly once?: boolean;
  /** Told of each run that the fetcher of this process has brought to an end. */
  readonly onRunEnded?: (report: RunReport) => void;
}

/**
 * Hosts stages of a pipeline in this process, until it is stopped or fails. It is patient: it waits for a
 * server that does not answer yet, and goes on by itself after one was away.
 *
 * @returns the service, once it is connected
 * @example
 * await using service = await serve('pipeline.ts', { roles: ['mapper', 'saver'] });
 * await service.ended;
 * @throws LeatError `invalid-pipeline`, `invalid-configuration`, `unfit-server` or `topology-mismatch`; or the
 * reason of the signal that was aborted before the service was connected
 */
export async function serve(given: PipelineOrFile, options: ServeOptions = {}): Promise<Service> {
  // Loaded here, because every worker thread loads what its pipeline file imports.
  const { openService } = await import('./open-service.ts');
  return openService(given, options);
}
