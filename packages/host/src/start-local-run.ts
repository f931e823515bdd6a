import type { ParamsSchema } from '@leat/sdk';
import type { LocalRun, LocalRunOptions } from './local-run.ts';
import type { PipelineOrFile } from './pipeline-source.ts';

/**
 * Starts a run, or lets one go on, with all its stages in this process: over the server that `connection` names, or
 * else over an embedded one.
 *
 * @throws LeatError if there can be no run as it is wanted, or the reason of the signal
 */
export async function startLocalRun<P extends ParamsSchema | undefined>(
  given: PipelineOrFile<P>,
  options: NoInfer<LocalRunOptions<P>> = {},
): Promise<LocalRun> {
  // Loaded here, because every worker thread loads what its pipeline file imports.
  const { openLocalRun } = await import('./open-local-run.ts');
  return openLocalRun(given, options);
}
