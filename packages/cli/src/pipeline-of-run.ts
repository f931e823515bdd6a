import { LeatError } from '@leat/core';
import type { Leat, RunHandle } from '@leat/operate';
import { loadPipeline } from '@leat/runtime';
import type { Pipeline } from '@leat/sdk';
import type { Call } from './command.ts';
import { plain } from './dead-letter-text.ts';
import { notedFile } from './noted-file.ts';
import { type PIPELINE_OPTION, pipelineChoice } from './with-leat.ts';

/**
 * The pipeline of a run: of the file that is given as second operand, or that `leat dev` has noted for its own runs.
 *
 * @param leat where the run is looked for; the file says of which pipeline, if several have one of that id
 * @param isOfDev whether the run is on the server of a `leat dev`, over the state directory of this command
 * @param command its name, for a sentence that says what to call instead
 * @throws LeatError `invalid-configuration` if the file is not known, or has another pipeline
 */
export async function pipelineOfRun(
  call: Call<{ readonly pipeline: typeof PIPELINE_OPTION }>,
  leat: Leat,
  isOfDev: boolean,
  command: string,
): Promise<Pipeline> {
  const [id = '', file] = call.operands;
  const given = file === undefined ? undefined : await loadPipeline(file);
  const run = await findRun(leat, id, pipelineChoice(call), given);
  const noted = isOfDev ? await notedFile(call.settings.stateDir, run.pipeline) : undefined;
  const path = file ?? noted;
  if (path === undefined) throw nameTheFile(run, command);
  const pipeline: Pipeline = given ?? (await loadPipeline(path));
  if (pipeline.name === run.pipeline) return pipeline;
  const wanted = plain(run.pipeline);
  throw new LeatError(
    'invalid-configuration',
    `The run ${id} is of the pipeline ${wanted}, and the file ${path} has the pipeline ${pipeline.name}: name the file of ${wanted}.`,
  );
}

/** The run of the given pipeline, if it has one of that id; else of whichever has one. */
async function findRun(
  leat: Leat,
  id: string,
  choice: { readonly pipeline?: string },
  given: Pipeline | undefined,
): Promise<RunHandle> {
  if (choice.pipeline !== undefined || given === undefined) return leat.run(id, choice);
  try {
    return await leat.run(id, { pipeline: given.name });
  } catch (error) {
    if (!(error instanceof LeatError && error.code === 'run-unknown')) throw error;
    return leat.run(id);
  }
}

/** The file that the run itself names is not loaded: others may write into the bucket where it says so. */
function nameTheFile({ id, file }: RunHandle, command: string): LeatError {
  const hint = file === undefined ? '' : ` (the run says it was started with ${plain(file)})`;
  return new LeatError(
    'invalid-configuration',
    `Name the pipeline file of the run ${id}: leat ${command} ${id} pipeline.ts${hint}.`,
  );
}
