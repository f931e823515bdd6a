import type { PipelineOrFile } from './pipeline-source.ts';
import type { Service } from './service.ts';
import type { ServeOptions } from './service-options.ts';

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
