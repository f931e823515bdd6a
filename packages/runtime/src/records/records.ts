import { constants, isUtf8 } from 'node:buffer';
import { messageOf, NOT_UTF8 } from '@leat/core';
import type { ZodType } from 'zod';
import { applySchema, DECODE } from './apply-schema.ts';
import { linesOf } from '@leat/sdk';
import { describeIssues } from './schema-issues.ts';

/** What is longer may be more than a text can hold: its characters are at most as many as its bytes. */
const MAX_TEXT_BYTES = constants.MAX_STRING_LENGTH;

/** A record of a chunk as a stage reads it, or why its line is none. */
export type ReadRecord = { readonly value: unknown } | { readonly invalid: InvalidRecord };

/** Why a line is not a record of its schema. */
export class InvalidRecord extends Error {
  override readonly name: string = 'InvalidRecord';
}

/**
 * Cuts a body into lines and reads each against the schema of the stage that wrote it. Bad lines do not
 * disturb their neighbours.
 */
export function readRecords(body: Uint8Array, schema: ZodType): ReadRecord[] {
  const bytes = bufferOf(body);
  // Most often all is well, which one look at the whole shows.
  if (isText(bytes) && isUtf8(bytes)) return textsOf(bytes).map((text) => readRecord(text, schema));
  return linesOf(bytes).map((line) => {
    if (!isText(line)) return refuse(`the line has more than ${MAX_TEXT_BYTES} bytes`);
    return isUtf8(line) ? readRecord(textOf(line), schema) : refuse(NOT_UTF8);
  });
}

/** The lines of a body as text, without their line feeds; of one that no text can hold, the beginning. */
export function textsOf(body: Uint8Array): string[] {
  const bytes = bufferOf(body);
  if (!isText(bytes)) return linesOf(bytes).map(textOf);
  const texts = bytes.toString().split('\n');
  texts.pop();
  return texts;
}

/** Whether it is sure to be no longer than a text can be. */
function isText(bytes: Uint8Array): boolean {
  return bytes.length <= MAX_TEXT_BYTES;
}

/** A line as text, without its line feed. */
function textOf(line: Uint8Array): string {
  const end = Math.min(line.length - 1, MAX_TEXT_BYTES);
  return bufferOf(line).toString('utf8', 0, end);
}

function readRecord(text: string, schema: ZodType): ReadRecord {
  let wire: unknown;
  try {
    wire = JSON.parse(text);
  } catch (error) {
    return refuse(`the line is not JSON: ${(error as Error).message}`, error);
  }
  try {
    const decoded = applySchema(schema, wire, DECODE);
    if (decoded.issues.length === 0) return decoded;
    // Again, for an error that can be told.
    const told = schema.safeParse(wire);
    if (told.success) return { value: told.data };
    return refuse(`the record does not fit the schema: ${describeIssues(told.error)}`);
  } catch (error) {
    return refuse(`the schema cannot be applied: ${messageOf(error)}`, error);
  }
}

function refuse(reason: string, cause?: unknown): ReadRecord {
  return { invalid: new InvalidRecord(reason, { cause }) };
}

/** A window, not a copy. */
function bufferOf(body: Uint8Array): Buffer {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
