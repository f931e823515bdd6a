import {
  type ChunkId,
  type Counts,
  formatChunkId,
  formatCounts,
  formatExecutions,
  formatOrigins,
  formatPosition,
  FORMATS,
  isDivisions,
  isSourceChecksum,
  LeatError,
  type Origins,
  parseChunkId,
  parseCounts,
  parseExecutions,
  parseOrigins,
  parsePosition,
  type Position,
  recordsOf,
} from '@leat/core';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import type { TraceHeaders } from '../tracing/chunk-span.ts';
import { countLines } from '@leat/sdk';

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
/** The name of the data in the object store, when they are too large for a message. */
const BODY = 'Leat-Body';
const MESSAGE_ID = 'Nats-Msg-Id';

/** JetStream takes 64 KiB of headers; longer origins stand in front of the body, and their header says how long they are. */
const MAX_ORIGINS_LENGTH = 32 * 1024;
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
  const { born, chunk, counts, position, origins, sending, trace } = envelope;
  const { buried, source, division } = envelope;
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
  const originsText = (origins && formatOrigins(origins)) ?? '';
  if (originsText.length > MAX_ORIGINS_LENGTH) {
    result.set(ORIGINS, `@${originsText.length}`);
    return { headers: result, data: Buffer.concat([Buffer.from(originsText), body]) };
  }
  if (originsText !== '') result.set(ORIGINS, originsText);
  return { headers: result, data: body };
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
  const { originsText, body } = divideData(found?.get(ORIGINS) ?? '', data);
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
  };
  return { envelope, body };
}

/** Takes the origins off the data, should they be too long for their header and stand in front of the body. */
function divideData(
  header: string,
  data: Uint8Array,
): { readonly originsText: string; readonly body: Uint8Array } {
  const length = Number(/^@(\d{1,9})$/.exec(header)?.[1] ?? 0);
  if (length === 0) return { originsText: header, body: data };
  const originsText = Buffer.from(data.subarray(0, length)).toString('latin1');
  return { originsText, body: data.subarray(length) };
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
