import type { RunRequest } from '@leat/core';
import type { RunInfo } from './contracts.ts';

/** A run as sources, stages and sinks see it. */
export function runInfoOf({ run, pipeline, params }: RunRequest): RunInfo {
  return { id: run, pipeline, params };
}
