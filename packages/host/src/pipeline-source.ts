import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LeatError } from '@leat/core';
import { demandFileFor } from '@leat/mapper';
import { demandPipeline, loadPipeline, unlessAborted } from '@leat/runtime';
import { fromStart, type ParamsSchema, type Pipeline, type Stage } from '@leat/sdk';

/**
 * A pipeline, or the file that exports one as default: a path from where the process was started, or a `file:` URL
 * such as `new URL('./pipeline.ts', import.meta.url)`. Mappers with `threads` or `timeoutMs` need the file:
 * other threads and processes load it again.
 *
 * @typeParam P the pipeline's schema of parameters, if it is known
 */
export type PipelineOrFile<P extends ParamsSchema | undefined = ParamsSchema | undefined> =
  | Pipeline<P>
  | string
  | URL;

/** A pipeline, and where it is from. */
export interface PipelineSource {
  readonly pipeline: Pipeline;
  /** The absolute path of its file; undefined if a value was given. */
  readonly file: string | undefined;
}

/** @throws LeatError `invalid-pipeline` that says what is wrong with the file, or the reason of the signal */
export async function pipelineFrom(
  given: PipelineOrFile,
  signal?: AbortSignal,
): Promise<PipelineSource> {
  if (typeof given !== 'string' && !(given instanceof URL)) {
    demandPipeline(given);
    return { pipeline: given, file: undefined };
  }
  const file = pathOf(given);
  const pipeline = await unlessAborted(loadPipeline(file), signal);
  return { pipeline, file: resolve(fromStart(file)) };
}

/** @throws LeatError `invalid-pipeline` if it is the URL of something else than a file */
function pathOf(given: string | URL): string {
  if (typeof given === 'string' && !given.startsWith('file:')) return given;
  try {
    return fileURLToPath(given);
  } catch (error) {
    throw new LeatError(
      'invalid-pipeline',
      `The pipeline must be in a file, as a path or a file: URL names it; ${String(given)} names none.`,
      { cause: error },
    );
  }
}

/** @throws LeatError `invalid-pipeline` if a stage that is hosted here needs the file, and there is none */
export function demandFile({ file }: PipelineSource, hosted: readonly Stage[]): void {
  if (file !== undefined) return;
  for (const stage of hosted) if (stage.kind === 'mapper') demandFileFor(stage, file);
}
