import {
  type GivenParams,
  LeatError,
  type PipelineSpec,
  type RunRequest,
  specDifference,
} from '@leat/core';
import type { Pipeline, RunInfo } from '@leat/sdk';
import { readParams } from './run-params.ts';

/** The variables of a process, by name. */
type Environment = Readonly<Record<string, string | undefined>>;

/** A run with its parameters as they were given, secrets among them; what a process can be handed. */
export type GivenRun = RunInfo<GivenParams>;

/**
 * A run with its secrets, which are read here, from the environment of the process that needs them: no
 * entry, message, log line or span has them.
 *
 * @throws LeatError `invalid-configuration` if the environment lacks one
 */
export function givenRunOf(
  { run, pipeline, params, secrets }: RunRequest,
  environment: Environment = process.env,
): GivenRun {
  const values = secrets && secretsFrom(environment, secrets, `The run ${run}`);
  return { id: run, pipeline, params: values === undefined ? params : { ...params, ...values } };
}

/**
 * A run as sources, stages and sinks see it: the pipeline's schema has made of its parameters what it does.
 *
 * @throws LeatError `invalid-configuration` if the parameters do not fit the schema
 */
export function readRun(
  { params: schema }: Pick<Pipeline, 'params'>,
  given: GivenRun,
): RunInfo<unknown> {
  try {
    return { ...given, params: readParams(schema, given.params) };
  } catch (error) {
    if (!(error instanceof LeatError)) throw error;
    throw new LeatError(
      error.code,
      `The run ${given.id} does not fit the parameters of this pipeline file. ${error.message}`,
      { cause: error },
    );
  }
}

/** {@link givenRunOf}, and what {@link readRun} makes of it. */
export function runInfoOf(
  request: RunRequest,
  pipeline: Pick<Pipeline, 'params'>,
  environment: Environment = process.env,
): RunInfo<unknown> {
  return readRun(pipeline, givenRunOf(request, environment));
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
    `The run ${run} does not fit this pipeline file: ${difference}. Put the file back to go on with the run, cancel it by "leat cancel ${run}", or begin a new one.`,
  );
}

/**
 * Why a replica may not work on a run: its file has another graph or another schema of parameters, or its
 * environment lacks a secret.
 */
export function whyUnfit(request: RunRequest, pipeline: Pipeline): LeatError | undefined {
  const misfit = misfitOf(request, pipeline.spec);
  if (misfit !== undefined) return misfit;
  try {
    runInfoOf(request, pipeline);
    return undefined;
  } catch (error) {
    if (error instanceof LeatError) return error;
    throw error;
  }
}
