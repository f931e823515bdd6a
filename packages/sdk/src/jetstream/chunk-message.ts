import {
  type ChunkId,
  type Counts,
  formatChunkId,
  formatCounts,
  formatExecutions,
  formatOrigins,
  formatPosition,
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

/** Everything about a chunk on its way but its body. */
export interface Envelope {
  readonly run: string;
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
}

const CHUNK = 'Leat-Chunk';
const COUNTS = 'Leat-Counts';
const POSITION = 'Leat-Position';
const ORIGINS = 'Leat-Origins';
const SENDING = 'Leat-Sending';
const BURIED = 'Leat-Buried';
/** The name of the body in the object store, when it is too large for a message. */
const BODY = 'Leat-Body';
const MESSAGE_ID = 'Nats-Msg-Id';

/** The headers of a chunk's message; the body travels beside them, untouched. */
export function headersOf(envelope: Envelope, bodyName?: string): MsgHdrs {
  const { chunk, counts, position, origins, sending, buried } = envelope;
  const result = headers();
  result.set(MESSAGE_ID, messageId(envelope));
  result.set(CHUNK, formatChunkId(chunk));
  result.set(COUNTS, formatCounts(counts));
  result.set(POSITION, asciiOf(formatPosition(position)));
  const originsText = origins === undefined ? undefined : formatOrigins(origins);
  if (originsText !== undefined) result.set(ORIGINS, originsText);
  if (sending !== '') result.set(SENDING, sending);
  if (buried !== undefined) result.set(BURIED, formatExecutions(buried));
  if (bodyName !== undefined) result.set(BODY, bodyName);
  return result;
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

/** The name of a message's body in the object store, unless the body is in the message. */
export function bodyNameOf(found: MsgHdrs | undefined): string | undefined {
  const name = found?.get(BODY) ?? '';
  return name === '' ? undefined : name;
}

/**
 * Reads the headers of a chunk's message.
 *
 * @param lines how many lines its body has; books that say otherwise are not believed
 * @throws LeatError `invalid-message` for anything that {@link headersOf} cannot have made
 */
export function readHeaders(run: string, found: MsgHdrs | undefined, lines: number): Envelope {
  const text = (name: string): string => found?.get(name) ?? '';
  const chunk = parseChunkId(text(CHUNK)) ?? refuse(CHUNK, text(CHUNK));
  const counts = parseCounts(text(COUNTS)) ?? refuse(COUNTS, text(COUNTS));
  if (recordsOf(counts) !== lines) {
    throw new LeatError(
      'invalid-message',
      `Chunk ${formatChunkId(chunk)} should hold ${recordsOf(counts)} records and holds ${lines}.`,
    );
  }
  const position = parsePosition(textOf(text(POSITION))) ?? refuse(POSITION, text(POSITION));
  const originsText = text(ORIGINS);
  const origins =
    originsText === ''
      ? undefined
      : (parseOrigins(originsText, lines) ?? refuse(ORIGINS, originsText));
  const buried = parseExecutions(text(BURIED)) ?? refuse(BURIED, text(BURIED));
  return {
    run,
    chunk,
    counts,
    position,
    ...(origins === undefined ? {} : { origins }),
    sending: text(SENDING),
    ...(buried.length > 0 && { buried }),
  };
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
