import { LeatError } from '@leat/core';
import type { Pipeline } from '@leat/sdk';

/** What a value must be; the types say it too, but not every program has them. */
export interface Demand {
  readonly isRight: (value: unknown) => boolean;
  /** Such as `a whole number from 1`. */
  readonly expected: string;
}

const AN_OBJECT: Demand = {
  isRight: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  expected: 'an object',
};

/** @throws LeatError `invalid-configuration` that names what is not as it must be */
export function demand(what: string, value: unknown, { isRight, expected }: Demand): void {
  if (isRight(value)) return;
  throw new LeatError(
    'invalid-configuration',
    `${what} must be ${expected}; it is ${shown(value)}.`,
  );
}

/** @throws LeatError `invalid-configuration` */
export function demandObject(what: string, value: unknown): void {
  demand(what, value, AN_OBJECT);
}

/** @throws LeatError `invalid-pipeline` */
export function demandPipeline(value: unknown): void {
  if (isPipeline(value)) return;
  throw new LeatError(
    'invalid-pipeline',
    `The pipeline must be what pipeline(…) returns; it is ${shown(value)}.`,
  );
}

export function isPipeline(value: unknown): value is Pipeline {
  return (
    typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'pipeline'
  );
}

/** A value in a sentence, without what it may hold. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
