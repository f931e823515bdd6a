import { constants, isAscii, isUtf8 } from 'node:buffer';
import {
  InexactNumber,
  type InexactToken,
  isA,
  isObjectText,
  mayHaveInexactNumbers,
  messageOf,
  NOT_UTF8,
  type NumberRule,
  parseJson,
  readJson,
  TerminalError,
} from '@leat/core';
import { linesOf } from '@leat/sdk';
import { applySchema, DECODE } from './apply-schema.ts';
import { guardNumbers } from './guard-numbers.ts';
import { hasProtoKey, mayHaveProtoKey } from './proto-key.ts';
import type { Reading } from './reading.ts';
import { mayRoundHiddenNumbers, roundedText } from './rounded-text.ts';
import { isSameRecord } from './same-record.ts';
import { describeIssues } from './schema-issues.ts';
import { encodeRecord, type RecordForm, writeRecord } from './write-record.ts';

const LINE_FEED = 0x0a;
/** What is longer may be more than a text can hold: its characters are at most as many as its bytes. */
const MAX_TEXT_BYTES = constants.MAX_STRING_LENGTH;

/** A record of a chunk as a stage reads it, or why its line is not one. */
export type ReadRecord =
  | {
      readonly value: unknown;
      /** Where the line is to be kept and the schema makes another of it: what goes on in its place. */
      readonly line?: string;
      /** Where fields are to be added: the line that they are added to. */
      readonly text?: string;
    }
  | { readonly invalid: InvalidRecord };

/** Why a line is not a record of its schema: that is so, however often it is read. */
export class InvalidRecord extends TerminalError {
  override readonly name: string = 'InvalidRecord';
}

/** The stage that records come from. */
export interface RecordOrigin extends RecordForm {
  readonly name: string;
}

/**
 * Cuts a body into lines and reads each against the schema of the stage that wrote it. Bad lines do not
 * disturb their neighbours.
 */
export function readRecords(
  body: Uint8Array,
  from: RecordOrigin,
  reading: Reading = 'work',
): ReadRecord[] {
  const bytes = bufferOf(body);
  const reader = new RecordReader(bytes, from, reading);
  // Most often all is well, which one look at the whole shows.
  if (isText(bytes) && isUtf8(bytes)) return textsOf(bytes).map((text) => reader.read(text));
  return linesOf(bytes).map((line) => {
    if (!isText(line)) return refuse(`the line has more than ${MAX_TEXT_BYTES} bytes`);
    return isUtf8(line) ? reader.read(textOf(line)) : refuse(NOT_UTF8);
  });
}

/** The lines of a body as text, without their line feeds; of one that no text can hold, the beginning. */
export function textsOf(body: Uint8Array): string[] {
  const bytes = bufferOf(body);
  if (!isText(bytes)) return linesOf(bytes).map(textOf);
  if (!isAscii(bytes)) return textsOfLines(bytes);
  const texts = bytes.toString('latin1').split('\n');
  texts.pop();
  return texts;
}

/**
 * Line by line, since most lines have nothing but ASCII all the same: from the first other character on, decoding takes
 * ten times as long, and one that needs two bytes would make every line take twice the memory.
 */
function textsOfLines(bytes: Buffer): string[] {
  const texts: string[] = [];
  let from = 0;
  for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, from)) {
    texts.push(bytes.toString('utf8', from, end));
    from = end + 1;
  }
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

/** Reads the lines of one body. */
class RecordReader {
  readonly #from: RecordOrigin;
  readonly #reading: Reading;
  readonly #isEnriching: boolean;
  /** Whether the body may have numbers that are in question. */
  readonly #isInQuestion: boolean;
  /** As the stage says, if there are any. */
  readonly #numbers: NumberRule;
  readonly #mayHaveProtoKey: boolean;
  /** Whether a number that the schema makes of text may not be the one that stands there. */
  readonly #mayRoundText: boolean;

  constructor(bytes: Buffer, from: RecordOrigin, reading: Reading) {
    this.#from = from;
    this.#reading = reading;
    this.#isEnriching = reading === 'enrich' || reading === 'first enrich';
    const isRounded = from.numbers === 'lossy' && (reading === 'work' || this.#isEnriching);
    this.#isInQuestion = !isRounded && mayHaveInexactNumbers(bytes);
    this.#numbers = this.#isInQuestion ? from.numbers : 'lossy';
    this.#mayHaveProtoKey = mayHaveProtoKey(bytes);
    this.#mayRoundText =
      from.numbers !== 'lossy' && (this.#isInQuestion || mayRoundHiddenNumbers(from.schema, bytes));
  }

  read(text: string): ReadRecord {
    let wire: unknown;
    let inexact: InexactNumber | undefined;
    const guarded: InexactToken[] | undefined =
      this.#isInQuestion && this.#isEnriching ? [] : undefined;
    try {
      wire = readJson(text, this.#numbers, guarded && ((each) => guarded.push(each)));
    } catch (error) {
      if (!isA(error, InexactNumber)) {
        return refuse(`the line is not JSON: ${messageOf(error)}`, error);
      }
      if (this.#reading !== 'pass') return this.#refuseNumber(error);
      // Nobody looks at it: it stays as it is, if the rest of the line does.
      inexact = error;
      wire = parseJson(text);
    }
    if (this.#mayHaveProtoKey && hasProtoKey(wire)) {
      return refuse(
        'the record has a key __proto__, which objects of JavaScript lose: rename it in the source',
      );
    }
    const decoded = this.#decode(wire);
    if ('invalid' in decoded) return decoded;
    if (this.#mayRoundText) {
      const rounded = roundedText(wire, decoded.value);
      if (rounded !== undefined) return this.#refuseNumber(rounded);
    }
    if (this.#reading === 'work') return decoded;
    if (this.#isEnriching) return this.#toEnrich(text, wire, decoded.value, guarded);
    return this.#keep(decoded.value, this.#found(text, wire), inexact);
  }

  /** Keeps the line to add to it, with a value in which numbers that are not exact cannot be read. */
  #toEnrich(
    text: string,
    wire: unknown,
    value: unknown,
    guarded: readonly InexactToken[] = [],
  ): ReadRecord {
    const [first] = guarded;
    const inexact = first && new InexactNumber(first.path, first.token);
    const kept: ReadRecord =
      this.#reading === 'enrich' ? { value } : this.#keep(value, this.#found(text, wire), inexact);
    if ('invalid' in kept) return kept;
    const line = kept.line ?? text;
    if (!isObjectText(line)) {
      return refuse(
        'the record is not an object, and enrich can only add fields to one: use map instead',
      );
    }
    if (guarded.length > 0) {
      try {
        const read = guardNumbers(
          value,
          wire,
          guarded,
          () => encodeRecord(this.#from.schema, value),
          (number) => this.#errorOf(number),
        );
        if (read !== undefined) return this.#refuseNumber(read);
      } catch (error) {
        return cannotWrite(error);
      }
    }
    return kept.line === undefined ? { value, text } : { value, line, text: line };
  }

  /** What stands there, so that it differs where a number was made text, or was rounded. */
  #found(text: string, wire: unknown): unknown {
    if (!this.#isInQuestion) return wire;
    if (this.#numbers === 'text') return parseJson(text);
    return this.#numbers === 'lossy' ? readJson(text, 'text') : wire;
  }

  #decode(wire: unknown): ReadRecord {
    const { schema } = this.#from;
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

  /** The line stays as it is, unless the schema makes something else of it: then that takes its place. */
  #keep(value: unknown, found: unknown, inexact: InexactNumber | undefined): ReadRecord {
    if (isSameRecord(found, value)) return { value };
    try {
      if (isSameRecord(found, encodeRecord(this.#from.schema, value))) return { value };
      if (inexact !== undefined) return this.#refuseNumber(inexact);
      return { value, line: writeRecord(this.#from, value) };
    } catch (error) {
      return cannotWrite(error);
    }
  }

  #refuseNumber(number: InexactNumber): ReadRecord {
    return { invalid: this.#errorOf(number) };
  }

  #errorOf({ message }: InexactNumber): InvalidRecord {
    return new InvalidRecord(
      `the number ${message}: say by the option numbers of the stage ${this.#from.name} what is to become of it`,
    );
  }
}

function refuse(reason: string, cause?: unknown): ReadRecord {
  return { invalid: new InvalidRecord(reason, { cause }) };
}

function cannotWrite(error: unknown): ReadRecord {
  return refuse(`the record cannot be written by its schema: ${messageOf(error)}`, error);
}

/** A window, not a copy. */
function bufferOf(body: Uint8Array): Buffer {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
