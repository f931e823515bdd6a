import { deadSubject, formatChunkId, FORMATS, type ThrownDescription } from '@leat/core';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import type { Envelope } from '../chunks/chunk-message.ts';
import { isTooLarge, type Publishing, type Stored } from '../jetstream/publisher.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { FailedRecord } from './failed-record.ts';

/** Room for what stands around the record in its dead letter. */
const ENVELOPE_ROOM = 16 * 1024;
/** How much is kept of an error's texts, each, when the whole is too large for a message. */
const MAX_ERROR_LENGTH = 2_000;

/** A record that was given up: what its dead letter says of it alone. */
export type DeadRecord = Omit<FailedRecord, 'isCut' | 'at'>;

/** Where records were given up: a stage that worked on a chunk. */
export interface DeathPlace {
  readonly stage: string;
  readonly chunk: Pick<Envelope, 'run' | 'born' | 'chunk' | 'sending'>;
  /** The token of this execution, see `newExecution`; absent for what a source rejected. */
  readonly execution?: string;
}

/**
 * Makes dead letters of records, and waits until they are stored. The message id is a function of run,
 * chunk, stage, record and execution: a publish that is repeated keeps one letter, and each execution has
 * its own, since only its receipt tells which of them counted.
 *
 * @throws whatever the signal is aborted with; LeatError `unreachable` if the connection is closed
 */
export async function bury(
  connection: Publishing,
  place: DeathPlace,
  records: readonly DeadRecord[],
  signal: AbortSignal,
): Promise<void> {
  if (records.length === 0) return;
  const { stage, chunk, execution = chunk.sending } = place;
  const pipeline = connection.spec.name;
  const at = new Date().toISOString();
  const subject = deadSubject(pipeline, chunk.run);
  await Promise.all(
    records.map((record) => {
      const letter = letterOf(pipeline, place, record, at);
      const header = headers();
      header.set(
        'Nats-Msg-Id',
        `${letter.run}.${letter.chunk}.${stage}.${letter.index}+${execution}`,
      );
      header.set('Leat-Chunk', letter.chunk);
      header.set('Leat-Stage', stage);
      return publish(connection, subject, letter, header, signal);
    }),
  );
}

/** Publishes a letter, cut to what the server takes: less, perhaps, since it was restarted. */
async function publish(
  connection: Publishing,
  subject: string,
  letter: DeadLetter,
  header: MsgHdrs,
  signal: AbortSignal,
): Promise<Stored> {
  for (;;) {
    const { maxPayload } = connection;
    try {
      const body = encode(letter, maxPayload - ENVELOPE_ROOM);
      return await connection.publisher.publish(subject, body, header, signal);
    } catch (error) {
      if (!isTooLarge(error) || connection.maxPayload === maxPayload) throw error;
    }
  }
}

/** The dead letter of a record: the only place where one is made. */
function letterOf(
  pipeline: string,
  { stage, chunk: { run, born, chunk }, execution }: DeathPlace,
  record: DeadRecord,
  at: string,
): DeadLetter {
  return {
    pipeline,
    run,
    ...(born !== undefined && { born }),
    stage,
    chunk: formatChunkId(chunk),
    ...(execution !== undefined && { execution }),
    at,
    ...record,
  };
}

/**
 * What is too large for a message is cut: first what was said of the error, which is told by its beginning,
 * and then the record, whose position says where the whole of it is.
 */
function encode(letter: DeadLetter, maxBytes: number): Uint8Array {
  // A character has a byte at least. Of one that cannot fit no JSON is made: it may be longer than a text can be.
  const mayFit = letter.record.length <= maxBytes;
  const whole = mayFit ? textOf(letter) : undefined;
  if (whole !== undefined && whole.length <= maxBytes) return whole;
  const position = letter.position.slice(0, MAX_ERROR_LENGTH);
  const cut = { ...letter, position, error: shortened(letter.error) };
  const short = mayFit ? textOf(cut) : undefined;
  if (short !== undefined && short.length <= maxBytes) return short;
  const record = letter.record.slice(0, Math.floor(maxBytes / 12));
  return textOf({ ...cut, record, isCut: true });
}

/** The beginning of each text, without the causes. */
export function shortened({ name, message, stack, code }: ThrownDescription): ThrownDescription {
  return {
    name: name.slice(0, MAX_ERROR_LENGTH),
    message: message.slice(0, MAX_ERROR_LENGTH),
    ...(stack !== undefined && { stack: stack.slice(0, MAX_ERROR_LENGTH) }),
    ...(code !== undefined && { code: code.slice(0, MAX_ERROR_LENGTH) }),
  };
}

function textOf(letter: DeadLetter): Buffer {
  return Buffer.from(JSON.stringify({ v: FORMATS.letter, ...letter }));
}
