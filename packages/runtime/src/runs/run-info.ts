import { LeatError, type PipelineSpec, type RunRequest, specDifference } from '@leat/core';
import type { RunInfo } from '@leat/sdk';
import type { Pipeline } from '@leat/sdk';

/** The variables of a process, by name. */
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A run as sources, stages and sinks see it. Its secrets are read here, from the environment of the process
 * that needs them: no entry, message, log line or span has them.
 *
 * @throws LeatError `invalid-configuration` if the environment lacks one
 */
export function runInfoOf(
  { run, pipeline, params, secrets }: RunRequest,
  environment: Environment = process.env,
): RunInfo {
  const values = secrets && secretsFrom(environment, secrets, `The run ${run}`);
  return { id: run, pipeline, params: values === undefined ? params : { ...params, ...values } };
}

/**
 * The values of secrets.
 *
 * @param secrets names of variables, by the parameters that they are for
 * @param whose for error messages
 * @throws LeatError `invalid-configuration` if a variable is not set, or set to nothing
 */
export function secretsFrom(
  environment: Environment,
  secrets: Readonly<Record<string, string>>,
  whose: string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(secrets).map(([key, variable]) => {
      const value = Object.hasOwn(environment, variable) ? environment[variable] : undefined;
      if (value !== undefined && value !== '') return [key, value] as const;
      throw new LeatError(
        'invalid-configuration',
        `${whose} takes its parameter ${key} from the environment variable ${variable}, which is not set here: set it for every service of the pipeline.`,
      );
    }),
  );
}

/** Why a pipeline file does not fit a run; chunk ids are paths through the run's graph. */
export function misfitOf({ run, spec }: RunRequest, present: PipelineSpec): LeatError | undefined {
  const difference = specDifference(spec, present);
  if (difference === undefined) return undefined;
  return new LeatError(
    'invalid-pipeline',
    `The run ${run} does not fit this pipeline file: ${difference}. Put the file back to go on with the run or to cancel it, or begin a new run.`,
  );
}

/** Why a replica may not work on a run: its file has another graph, or its environment lacks a secret. */
export function whyUnfit(request: RunRequest, pipeline: Pipeline): LeatError | undefined {
  const misfit = misfitOf(request, pipeline.spec);
  if (misfit !== undefined) return misfit;
  try {
    runInfoOf(request);
    return undefined;
  } catch (error) {
    if (error instanceof LeatError) return error;
    throw error;
  }
}
