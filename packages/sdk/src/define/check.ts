import { LeatError, noSuchName } from '@leat/core';
import type { ZodType } from 'zod';
import type { ParamsSchema } from '../params.ts';
import type { Upstream } from './stages.ts';

/**
 * Refuses options that there are not, which a file in JavaScript, or one that is not checked, may have.
 *
 * @param where what they are options of: `The stage "zones"`
 * @param known every option that there is
 * @throws LeatError `invalid-pipeline`
 */
export function demandKnown(
  where: string,
  options: object,
  known: Readonly<Record<string, true>>,
): void {
  const names = Object.keys(known);
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new LeatError('invalid-pipeline', `${where}: ${noSuchName('option', unknown, names)}`);
}

/** Files in JavaScript, and values that a cast let through. */
export function demandUpstream(stage: string, from: Upstream | undefined): void {
  if (from?.kind === 'fetcher' || from?.kind === 'mapper') return;
  throw invalid(stage, 'reads from nothing: from must be a fetcher or a mapper');
}

export function demandSchema(stage: string, schema: ZodType | undefined): void {
  if (typeof schema?.safeParse === 'function') return;
  throw invalid(stage, 'needs a schema made by zod');
}

/** @param params as a file in JavaScript may give it */
export function demandParams(stage: string, params: ParamsSchema | undefined): void {
  if (params === undefined || params?.def?.type === 'object') return;
  throw invalid(stage, 'params must be a schema made by z.object');
}

export function demandCount(stage: string, option: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw invalid(stage, `${option} must be a whole number from 1; it is ${value}`);
}

export function invalid(stage: string, sentence: string): LeatError {
  return new LeatError('invalid-pipeline', `${nameOf(stage)}: ${sentence}.`);
}

/** How errors name a stage. */
export function nameOf(stage: string): string {
  return `The stage ${JSON.stringify(stage)}`;
}
