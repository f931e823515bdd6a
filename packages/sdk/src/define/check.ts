import { checkName, LeatError, noSuchName, NUMBER_RULES, type NumberRule } from '@leat/core';
import type { ZodType } from 'zod';
import type { ParamsSchema } from '../params.ts';
import { notJsonPart, oneWayPart, type SchemaPart } from './schema-parts.ts';
import type { Sources } from './stages.ts';

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

/** What a schema is for: records are only decoded by it, or encoded, too; then numbers may be a `BigInt` or not. */
type SchemaUse = 'read' | 'write' | 'write bigints';

/** What may be made of text or of a number. */
const COERCED = { read: ['date', 'bigint'], write: [], 'write bigints': ['bigint'] } as const;

/**
 * Demands a schema of zod 4 whose values can stand in JSON.
 *
 * @throws LeatError `invalid-pipeline`
 */
export function demandSchema(stage: string, schema: ZodType | undefined, use: SchemaUse): void {
  demandZod(stage, schema);
  const fault = faultOf(schema, use);
  if (fault !== undefined) throw invalid(stage, fault);
}

/**
 * Demands of who keeps the lines of a fetcher that its schema can write them, too: they are what it makes of them.
 *
 * @throws LeatError `invalid-pipeline`
 */
export function demandWritable(stage: string, from: Sources): void {
  const fetcher = from.find(({ kind }) => kind === 'fetcher');
  if (fetcher === undefined) return;
  const fault = faultOf(fetcher.schema, usedToWrite(fetcher.numbers));
  if (fault === undefined) return;
  throw invalid(stage, `it keeps the records of the stage "${fetcher.name}", and ${fault}`);
}

export function usedToWrite(numbers: NumberRule): SchemaUse {
  return numbers === 'bigint' ? 'write bigints' : 'write';
}

function faultOf(schema: ZodType, use: SchemaUse): string | undefined {
  const oneWay = use === 'read' ? undefined : oneWayPart(schema);
  if (oneWay !== undefined) {
    return `${oneWay.path} has a transform, which cannot be undone; use a z.codec instead`;
  }
  const part = notJsonPart(schema, COERCED[use]);
  return part && `${part.path} is ${notJson(part)}`;
}

function notJson({ type }: SchemaPart): string {
  const remedy =
    {
      undefined: 'a field that may be absent is .optional()',
      void: 'a field that may be absent is .optional()',
      bigint:
        "use z.coerce.bigint() with numbers: 'bigint', or a z.codec that says how it is written",
    }[type] ?? 'use a z.codec that says how it is written';
  return `a z.${type}, which JSON cannot hold; ${remedy}`;
}

function demandZod(stage: string, schema: ZodType | undefined): asserts schema is ZodType {
  const isSchema = typeof schema?.safeParse === 'function';
  if (isSchema && '_zod' in schema) return;
  throw invalid(
    stage,
    isSchema && '_def' in schema
      ? 'its schema is made by zod 3, and Leat needs one of zod 4: import { z } from zod 4, or from "zod/v4"'
      : 'needs a schema made by zod',
  );
}

/** @param numbers as a file in JavaScript may give it */
export function demandNumbers(stage: string, numbers: NumberRule): void {
  if (NUMBER_RULES.includes(numbers)) return;
  const rules = NUMBER_RULES.map((rule) => `'${rule}'`).join(', ');
  throw invalid(stage, `numbers must be one of ${rules}; it is ${JSON.stringify(numbers)}`);
}

/** @param params as a file in JavaScript may give it */
export function demandParams(stage: string, params: ParamsSchema | undefined): void {
  if (params === undefined) return;
  if (params !== null) demandSchema(stage, params, 'read');
  if (params?.def.type === 'object') {
    for (const name of Object.keys(params.shape)) checkName('parameter', name);
    return;
  }
  throw invalid(stage, 'params must be a schema made by z.object');
}

export function demandCount(stage: string, option: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw invalid(stage, `${option} must be a whole number from 1; it is ${value}`);
}

/** @param inline as a file in JavaScript may give it */
export function demandInline(stage: string, inline: boolean | undefined): void {
  if (inline === undefined || typeof inline === 'boolean') return;
  throw invalid(stage, `inline must be true or false; it is ${JSON.stringify(inline)}`);
}

export function invalid(stage: string, sentence: string): LeatError {
  return new LeatError('invalid-pipeline', `${nameOf(stage)}: ${sentence}.`);
}

/** How errors name a stage. */
export function nameOf(stage: string): string {
  return `The stage ${JSON.stringify(stage)}`;
}
