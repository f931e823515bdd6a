import { isUtf8 } from 'node:buffer';
import { NOT_UTF8 } from '@leat/core';
import type { ZodType } from 'zod';
import { describeIssues } from './schema-issues.ts';

/** A record of a chunk as a stage reads it: its line, and its value or why it has none. */
export type ReadRecord =
  | { readonly line: string; readonly value: unknown }
  | { readonly line: string; readonly invalid: InvalidRecord };

/** Why a line is not a record of its schema. */
export class InvalidRecord extends Error {
  override readonly name: string = 'InvalidRecord';
}

/**
 * Cuts a body into lines and reads each against the schema of the stage that wrote it. Bad lines do not
 * disturb their neighbours.
 */
export function readRecords(body: Uint8Array, schema: ZodType): ReadRecord[] {
  return linesOf(body).map((line) => readRecord(line, schema));
}

function readRecord({ text, isValidUtf8 }: Line, schema: ZodType): ReadRecord {
  const refuse = (reason: string, cause?: unknown): ReadRecord => ({
    line: text,
    invalid: new InvalidRecord(reason, { cause }),
  });
  if (!isValidUtf8) return refuse(NOT_UTF8);
  let wire: unknown;
  try {
    wire = JSON.parse(text);
  } catch (error) {
    return refuse(`the line is not JSON: ${(error as Error).message}`, error);
  }
  try {
    const parsed = schema.safeParse(wire);
    if (parsed.success) return { line: text, value: parsed.data };
    return refuse(`the record does not fit the schema: ${describeIssues(parsed.error)}`);
  } catch (error) {
    return refuse(`the schema cannot be applied: ${(error as Error).message}`, error);
  }
}

interface Line {
  readonly text: string;
  readonly isValidUtf8: boolean;
}

function linesOf(body: Uint8Array): Line[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (isUtf8(bytes)) {
    const texts = bytes.toString('utf8').split('\n');
    texts.pop();
    return texts.map((text) => ({ text, isValidUtf8: true }));
  }
  const lines: Line[] = [];
  for (
    let from = 0, end = bytes.indexOf(10);
    end !== -1;
    from = end + 1, end = bytes.indexOf(10, from)
  ) {
    const line = bytes.subarray(from, end);
    lines.push({ text: line.toString('utf8'), isValidUtf8: isUtf8(line) });
  }
  return lines;
}
