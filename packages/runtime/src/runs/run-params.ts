import {
  checkName,
  type GivenParams,
  type InexactNumber,
  jsonText,
  LeatError,
  messageOf,
  noSuchName,
  readJson,
} from '@leat/core';
import type { ParamsSchema } from '@leat/sdk';
import { object, type ZodType } from 'zod';
import { demandObject } from '../demand.ts';
import { roundedText } from '../records/rounded-text.ts';

/** A reading of parameters: their values, and a sentence for each that does not fit. */
interface Reading {
  readonly values: Readonly<Record<string, unknown>>;
  readonly faults: readonly string[];
}

/**
 * What a program gives a run: what is undefined is not given.
 *
 * @throws LeatError `invalid-configuration` if it is no object
 */
export function givenParams(params: unknown): GivenParams {
  demandObject('The option params', params);
  return Object.fromEntries(
    Object.entries(params as GivenParams).filter(([, value]) => value !== undefined),
  );
}

/**
 * Reads what a run was given with the schema of its pipeline; the same given again is the same read again,
 * if the schema's own functions and defaults are the same each time.
 *
 * @param schema the pipeline's; `undefined` if it declares none, and each must be text
 * @returns the schema's output, defaults applied
 * @throws LeatError `invalid-configuration` with a sentence for each parameter that does not fit
 */
export function readParams(
  schema: ParamsSchema | undefined,
  given: GivenParams,
): Readonly<Record<string, unknown>> {
  const { values, faults } = schema === undefined ? readTexts(given) : read(schema, given);
  demandNone(faults);
  return values;
}

/**
 * Checks what a run is to be started with, before it is. Where secrets are given whose values only the
 * services know, each parameter is checked by itself.
 *
 * @param secrets the names of the parameters whose values are not known
 * @throws LeatError `invalid-configuration` with a sentence for each parameter that does not fit, or `invalid-name`
 */
export function checkParams(
  schema: ParamsSchema | undefined,
  given: GivenParams,
  secrets: readonly string[] = [],
): void {
  for (const name of [...Object.keys(given), ...secrets]) checkName('parameter', name);
  demandNone(
    Object.entries(given).flatMap(([name, value]) => {
      const written = jsonText(value);
      return 'text' in written ? [] : [faultOf(name, `JSON cannot hold it: ${written.fault}`)];
    }),
  );
  if (schema === undefined) return demandNone(readTexts(given).faults);
  if (secrets.length === 0) return demandNone(read(schema, given).faults);
  const known = object(
    Object.fromEntries(Object.entries(schema.shape).filter(([name]) => !secrets.includes(name))),
  );
  const { faults } = read(known, onlyNamed(known, given));
  demandNone([...unknownNames(schema, [...Object.keys(given), ...secrets]), ...faults]);
}

function read(schema: ParamsSchema, given: GivenParams): Reading {
  const unknown = unknownNames(schema, Object.keys(given));
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const part = partOf(schema, name);
    if (part !== undefined) values[name] = asItsSchemaTakesIt(part, value);
    else if (isOpen(schema)) values[name] = value;
  }
  const result = applied(schema, values);
  if (result.success) {
    const rounded = roundedText(given, result.data);
    const faults = rounded === undefined ? unknown : [...unknown, tooExact(rounded)];
    return { values: result.data as Reading['values'], faults };
  }
  const faults = result.error.issues.map(({ path, message }) => {
    const [name, ...below] = path.map(String);
    if (name === undefined) return `The parameters do not fit together: ${message}.`;
    if (!Object.hasOwn(given, name)) return `The parameter ${name} is missing (${message}).`;
    return faultOf([name, ...below].join('.'), message);
  });
  return { values, faults: [...unknown, ...faults] };
}

/** The parameters of a pipeline without a schema. */
function readTexts(given: GivenParams): Reading {
  const faults = Object.entries(given)
    .filter(([, value]) => typeof value !== 'string')
    .map(([name]) =>
      faultOf(name, 'it must be text, as the pipeline has no schema for parameters'),
    );
  return { values: given, faults };
}

/** Text is what the command line gives: what is not taken as text is read as JSON. */
function asItsSchemaTakesIt(schema: ZodType, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const asText = applied(schema, value);
  if (asText.success) return value;
  const json = parsed(value);
  if (json === undefined) return value;
  const isOtherType = asText.error.issues.some(({ code }) => code === 'invalid_type');
  // Of two complaints, that about the right type says more.
  return isOtherType || applied(schema, json).success ? json : value;
}

/** The value that a text is in JSON; `undefined` if it is not JSON, or has a number that JavaScript would round. */
function parsed(text: string): unknown {
  try {
    return readJson(text, 'exact');
  } catch {
    return undefined;
  }
}

function onlyNamed(schema: ParamsSchema, given: GivenParams): GivenParams {
  return Object.fromEntries(Object.entries(given).filter(([name]) => partOf(schema, name)));
}

function unknownNames(schema: ParamsSchema, names: readonly string[]): string[] {
  if (isOpen(schema)) return [];
  const known = Object.keys(schema.shape);
  return names
    .filter((name) => partOf(schema, name) === undefined)
    .map((name) => noSuchName('parameter', name, known));
}

/** Whether a schema takes parameters that it does not name (`z.looseObject`, `.catchall`). */
function isOpen({ def }: ParamsSchema): boolean {
  return def.catchall !== undefined && (def.catchall as ZodType).def.type !== 'never';
}

function partOf(schema: ParamsSchema, name: string): ZodType | undefined {
  return Object.hasOwn(schema.shape, name) ? (schema.shape[name] as ZodType) : undefined;
}

function applied(schema: ZodType, value: unknown): ReturnType<ZodType['safeParse']> {
  try {
    return schema.safeParse(value);
  } catch (error) {
    throw new LeatError(
      'invalid-pipeline',
      `The schema of the parameters cannot be applied: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function faultOf(name: string, fault: string): string {
  return `The parameter ${name} does not fit: ${fault}.`;
}

function tooExact({ message }: InexactNumber): string {
  return `The parameter ${message}: give it as text, or as a number that JavaScript holds exactly.`;
}

function demandNone(faults: readonly string[]): void {
  if (faults.length > 0) throw new LeatError('invalid-configuration', faults.join(' '));
}
