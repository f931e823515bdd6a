import { LeatError } from '@leat/core';
import type { RunHandle } from '@leat/operate';
import { loadPipeline } from '@leat/runtime';
import type { Pipeline } from '@leat/sdk';
import type { Call } from './command.ts';
import { plain } from './dead-letter-text.ts';
import { notedFile } from './noted-file.ts';

/**
 * The pipeline of a run: of the file that is given as second operand, or that `leat dev` has noted for its own runs.
 *
 * @param isOfDev whether the run is on the server of a `leat dev`, over the state directory of this command
 * @param command its name, for a sentence that says what to call instead
 * @throws LeatError `invalid-configuration` if the file is not known, or has another pipeline
 */
export async function pipelineOfRun(
  call: Call,
  run: RunHandle,
  isOfDev: boolean,
  command: string,
): Promise<Pipeline> {
  const [id = '', file] = call.operands;
  const noted = isOfDev ? await notedFile(call.settings.stateDir, run.pipeline) : undefined;
  const path = file ?? noted;
  if (path === undefined) throw nameTheFile(run, command);
  const pipeline: Pipeline = await loadPipeline(path);
  if (pipeline.name === run.pipeline) return pipeline;
  const wanted = plain(run.pipeline);
  throw new LeatError(
    'invalid-configuration',
    `The run ${id} is of the pipeline ${wanted}, and the file ${path} has the pipeline ${pipeline.name}: name the file of ${wanted}.`,
  );
}

/** The file that the run itself names is not loaded: others may write into the bucket where it says so. */
function nameTheFile({ id, file }: RunHandle, command: string): LeatError {
  const hint = file === undefined ? '' : ` (the run says it was started with ${plain(file)})`;
  return new LeatError(
    'invalid-configuration',
    `Name the pipeline file of the run ${id}: leat ${command} ${id} pipeline.ts${hint}.`,
  );
}
