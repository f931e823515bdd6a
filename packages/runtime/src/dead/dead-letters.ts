import { deadSubject, formatExecutions, settledSubject } from '@leat/core';
import { headers } from '@nats-io/transport-node';
import type { DeadLetter } from './dead-letter.ts';
import type { PipelineConnection } from '../jetstream/pipeline-connection.ts';

/** Room for what stands around the record in its dead letter. */
const ENVELOPE_ROOM = 16 * 1024;
/** How much is kept of an error's texts, each, when the whole is too large for a message. */
const MAX_ERROR_LENGTH = 2_000;

/**
 * Keeps dead letters, and waits until they are stored. The message id is a function of run,
 * chunk, stage, record and execution: a publish that is repeated keeps one letter, and each execution has
 * its own, since only its receipt tells which of them counted. All letters are of one stage.
 */
export async function buryAll(
  connection: PipelineConnection,
  letters: readonly DeadLetter[],
  sending: string,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    letters.map((letter) => {
      const header = headers();
      header.set(
        'Nats-Msg-Id',
        `${letter.run}.${letter.chunk}.${letter.stage}.${letter.index}+${letter.execution ?? sending}`,
      );
      header.set('Leat-Chunk', letter.chunk);
      header.set('Leat-Stage', letter.stage);
      return connection.publisher.publish(
        deadSubject(letter.pipeline, letter.run),
        encode(letter, connection.maxPayload - ENVELOPE_ROOM),
        header,
        signal,
      );
    }),
  );
  const [first] = letters;
  if (first !== undefined) connection.meter?.(first.stage).bury(letters.length);
}

/**
 * Writes down, beside a run's dead letters, which executions receipts have named: theirs are the letters
 * that count. Waits until it is stored. Twice does no harm.
 */
export async function confirmExecutions(
  { spec, publisher }: PipelineConnection,
  run: string,
  executions: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const body = Buffer.from(formatExecutions(executions));
  await publisher.publish(settledSubject(spec.name, run), body, headers(), signal);
}

/**
 * What is too large for a message is cut: first what was said of the error, which is told by its beginning,
 * and then the record, whose position says where the whole of it is.
 */
function encode(letter: DeadLetter, maxBytes: number): Uint8Array {
  const whole = Buffer.from(JSON.stringify(letter));
  if (whole.length <= maxBytes) return whole;
  const { name, message, stack } = letter.error;
  const error = {
    name: name.slice(0, MAX_ERROR_LENGTH),
    message: message.slice(0, MAX_ERROR_LENGTH),
    ...(stack !== undefined && { stack: stack.slice(0, MAX_ERROR_LENGTH) }),
  };
  const position = letter.position.slice(0, MAX_ERROR_LENGTH);
  const short = Buffer.from(JSON.stringify({ ...letter, position, error } satisfies DeadLetter));
  if (short.length <= maxBytes) return short;
  const record = letter.record.slice(0, Math.floor(maxBytes / 12));
  const cut: DeadLetter = { ...letter, position, error, record, isCut: true };
  return Buffer.from(JSON.stringify(cut));
}
