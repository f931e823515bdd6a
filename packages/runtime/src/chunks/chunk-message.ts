import {
  type BranchFailure,
  type ChunkId,
  type Counts,
  formatChunkId,
  formatCounts,
  formatExecutions,
  formatOrigins,
  formatPosition,
  formatRegions,
  FORMATS,
  isDivisions,
  isSourceChecksum,
  LeatError,
  type OpenRegion,
  type Origins,
  parseChunkId,
  parseCounts,
  parseExecutions,
  parseOrigins,
  parsePosition,
  parseRegions,
  type Position,
  recordsOf,
} from '@leat/core';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { countLines } from '@leat/sdk';
import * as z from 'zod';
import { thrown } from '../dead/failed-record.ts';
import { COUNT, shapeOf } from '../shape.ts';
import type { TraceHeaders } from '../tracing/chunk-span.ts';

/** Everything about a chunk on its way but its body. */
export interface Envelope {
  readonly run: string;
  /** The run's birth mark; absent for a run that an earlier version of Leat began. */
  readonly born?: string;
  readonly chunk: ChunkId;
  readonly counts: Counts;
  readonly position: Position;
  /** Absent when record `n` has offset `n`. */
  readonly origins?: Origins;
  /**
   * Tells a chunk that was sent again from the first sending, all the way down: JetStream would drop it
   * as a duplicate otherwise. Empty for the first.
   */
  readonly sending: string;
  /** The executions that have buried records of the chunk so far, see `Receipt.buried`; absent if none. */
  readonly buried?: readonly string[];
  /** The checksum of the chunk of the dataset that it comes from, see `Receipt.source`. */
  readonly source?: string;
  /** The regions that it is in, see `OpenRegion`; absent if none. */
  readonly regions?: readonly OpenRegion[];
  /** In front of a join, which of its parts it is; absent for one that is empty, and for what is no part. */
  readonly part?: number;
  /** Records that branches have given up, for the joins of those regions; absent if none has. */
  readonly failures?: readonly BranchFailure[];
  /** How the stages before divided what it comes from, see `Receipt.division`; absent if none did. */
  readonly division?: string;
  /** The span that sends it, for {@link messageOf} alone; absent where nobody traces. */
  readonly trace?: TraceHeaders | undefined;
}

/** The version of a message's format, on chunks, receipts and dead letters; absent before there was one. */
export const FORMAT = 'Leat-Format';
/** The chunk id, which every message of a chunk has. */
export const CHUNK = 'Leat-Chunk';
const COUNTS = 'Leat-Counts';
const POSITION = 'Leat-Position';
const ORIGINS = 'Leat-Origins';
const SENDING = 'Leat-Sending';
const BURIED = 'Leat-Buried';
/** The run's birth mark, on chunks and on receipts. */
export const BORN = 'Leat-Born';
const SOURCE = 'Leat-Source';
const DIVISION = 'Leat-Division';
const REGIONS = 'Leat-Regions';
const PART = 'Leat-Part';
const FAILURES = 'Leat-Failures';
/** The name of the data in the object store, when they are too large for a message. */
const BODY = 'Leat-Body';
const MESSAGE_ID = 'Nats-Msg-Id';

/** JetStream takes 64 KiB of headers; what is longer stands in front of the body, and its header says how long it is. */
const LONG_HEADERS = [
  { name: ORIGINS, maxLength: 32 * 1024 },
  { name: REGIONS, maxLength: 8 * 1024 },
  { name: FAILURES, maxLength: 8 * 1024 },
] as const;
const SENDINGS = /^[\w.~-]{0,100}$/;
/** Empty for a run that an earlier version of Leat began. */
const BIRTH_MARK = /^(?:[0-9a-f]{13})?$/;

/** A chunk's message, as long as its body need not be put elsewhere. */
export interface ChunkMessage {
  readonly headers: MsgHdrs;
  readonly data: Uint8Array;
}

/** Makes a chunk's message: everything in headers, and the body untouched. */
export function messageOf(envelope: Envelope, body: Uint8Array): ChunkMessage {
  const { born, chunk, counts, position, sending, trace } = envelope;
  const { buried, source, division, part } = envelope;
  const result = headers();
  result.set(MESSAGE_ID, messageId(envelope));
  result.set(FORMAT, `${FORMATS.chunk}`);
  result.set(CHUNK, formatChunkId(chunk));
  result.set(COUNTS, formatCounts(counts));
  result.set(POSITION, asciiOf(formatPosition(position)));
  if (born !== undefined) result.set(BORN, born);
  if (source !== undefined) result.set(SOURCE, source);
  if (division !== undefined) result.set(DIVISION, division);
  if (sending !== '') result.set(SENDING, sending);
  if (buried !== undefined) result.set(BURIED, formatExecutions(buried));
  if (trace !== undefined) {
    for (const [name, value] of Object.entries(trace)) result.set(name, value);
  }
  if (part !== undefined) result.set(PART, `${part}`);
  const texts = longTexts(envelope);
  const before: Buffer[] = [];
  for (const [nth, { name, maxLength }] of LONG_HEADERS.entries()) {
    const text = texts[nth] as string;
    if (text.length > maxLength) before.push(Buffer.from(text));
    if (text !== '') result.set(name, text.length > maxLength ? `@${text.length}` : text);
  }
  return { headers: result, data: before.length === 0 ? body : Buffer.concat([...before, body]) };
}

/** What may be too long for a header, in the order of {@link LONG_HEADERS}. */
function longTexts({ origins, regions, failures }: Envelope): readonly string[] {
  return [
    (origins && formatOrigins(origins)) ?? '',
    regions === undefined ? '' : formatRegions(regions),
    failures === undefined ? '' : asciiJson(failures),
  ];
}

/** JSON as a header may have it. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[^\u0020-\u007e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** How many bytes headers take up; origins full of gaps are long. */
export function headerBytes(found: MsgHdrs): number {
  return found.keys().reduce((sum, name) => sum + name.length + found.get(name).length + 4, 0);
}

/** The message id, unique within a stage's stream. */
export function messageId({ run, chunk, sending }: Envelope): string {
  const id = `${run}.${formatChunkId(chunk)}`;
  return sending === '' ? id : `${id}+${sending}`;
}

/** The name of a message's data in the object store, unless they are in the message. */
export function bodyNameOf(found: MsgHdrs | undefined): string | undefined {
  const name = found?.get(BODY) ?? '';
  return name === '' ? undefined : name;
}

/** Says that a message's data are in the object store. */
export function setBodyName(found: MsgHdrs, name: string): void {
  found.set(BODY, name);
}

/**
 * The inverse of {@link messageOf}.
 *
 * @throws LeatError `invalid-message` for anything that it cannot have made; books that say how many lines
 *   the body has, and are wrong, are not believed
 */
export function readMessage(
  run: string,
  found: MsgHdrs | undefined,
  data: Uint8Array,
): { readonly envelope: Envelope; readonly body: Uint8Array } {
  const read = <T>(name: string, parse: (text: string) => T | undefined): T => {
    const text = found?.get(name) ?? '';
    return parse(text) ?? refuse(name, text);
  };
  const chunk = read(CHUNK, parseChunkId);
  const counts = read(COUNTS, parseCounts);
  const [body, originsText = '', regionsText = '', failuresText = ''] = divideData(found, data);
  const lines = countLines(body);
  if (recordsOf(counts) !== lines) {
    throw new LeatError(
      'invalid-message',
      `Chunk ${formatChunkId(chunk)} should hold ${recordsOf(counts)} records and holds ${lines}.`,
    );
  }
  const position = read(POSITION, (text) => parsePosition(textOf(text)));
  const origins = parseOrigins(originsText, lines);
  if (originsText !== '' && origins === undefined) refuse(ORIGINS, originsText);
  const part = read(PART, (text) => (/^\d{0,3}$/.test(text) ? text : undefined));
  const sending = read(SENDING, (text) => (SENDINGS.test(text) ? text : undefined));
  const buried = read(BURIED, parseExecutions);
  const born = read(BORN, (text) => (BIRTH_MARK.test(text) ? text : undefined));
  const source = read(SOURCE, (text) => (text === '' || isSourceChecksum(text) ? text : undefined));
  const division = read(DIVISION, (text) => (isDivisions(text) ? text : undefined));
  const envelope = {
    run,
    ...(born !== '' && { born }),
    chunk,
    counts,
    position,
    ...(origins && { origins }),
    sending,
    ...(buried.length > 0 && { buried }),
    ...(source !== '' && { source }),
    ...(division !== '' && { division }),
    ...branchOf(part, regionsText, failuresText),
  };
  return { envelope, body };
}

/** What a chunk in a branch carries for the join. */
function branchOf(
  part: string,
  regionsText: string,
  failuresText: string,
): Pick<Envelope, 'regions' | 'part' | 'failures'> {
  if (regionsText === '') return {};
  const regions = parseRegions(regionsText) ?? refuse(REGIONS, regionsText);
  const failures = parseFailures(failuresText) ?? refuse(FAILURES, failuresText);
  return {
    regions,
    ...(part !== '' && { part: Number(part) }),
    ...(failures.length > 0 && { failures }),
  };
}

/** Takes off the data what was too long for its header and stands in front of the body. */
function divideData(
  found: MsgHdrs | undefined,
  data: Uint8Array,
): readonly [body: Uint8Array, ...texts: string[]] {
  let body = data;
  const texts = LONG_HEADERS.map(({ name }) => {
    const header = found?.get(name) ?? '';
    const length = header.startsWith('@') ? Number(/^@(\d{1,9})$/.exec(header)?.[1] ?? 0) : 0;
    if (length === 0) return header;
    const text = Buffer.from(body.subarray(0, length)).toString('latin1');
    body = body.subarray(length);
    return text;
  });
  return [body, ...texts];
}

const failureShape: z.ZodType<readonly BranchFailure[]> = z.array(
  z.looseObject({
    depth: COUNT,
    place: COUNT,
    stage: z.string(),
    attempts: COUNT,
    error: thrown,
  }),
);
const areFailures = shapeOf(failureShape);

function parseFailures(text: string): readonly BranchFailure[] | undefined {
  if (text === '') return [];
  try {
    const failures: unknown = JSON.parse(text);
    return areFailures(failures) ? failures : undefined;
  } catch {
    return undefined;
  }
}

function refuse(header: string, value: string): never {
  throw new LeatError(
    'invalid-message',
    `A message on a chunk queue has the header ${header} ${JSON.stringify(value.slice(0, 100))}, which Leat did not write.`,
  );
}

/** Header values are printable ASCII without a space at the end; file names need not be. */
function asciiOf(text: string): string {
  const wellFormed = Buffer.from(text).toString();
  return wellFormed.replaceAll(/[^\u0020-\u0024\u0026-\u007e]| $/gu, encodeURIComponent);
}

function textOf(ascii: string): string {
  try {
    return decodeURIComponent(ascii);
  } catch {
    return '';
  }
}
