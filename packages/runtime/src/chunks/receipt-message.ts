import {
  FORMATS,
  isDivisions,
  parseReceipt,
  type Receipt,
  runOfSubject,
  type SinkIdentity,
} from '@leat/core';
import type { JsMsg } from '@nats-io/jetstream';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import type { Logger } from '@leat/sdk';
import { isSinkIdentity } from '../runs/run-entries.ts';
import { BORN, FORMAT } from './chunk-message.ts';

/** The saver whose receipts a message has, and its sink. */
const SINK = 'Leat-Sink';
/** For each line, how the stages on the chunk's way divided what it comes from, separated by commas. */
const DIVISIONS = 'Leat-Divisions';

/** A saver, and the sink that it writes into. */
export interface SaverSink extends SinkIdentity {
  readonly saver: string;
}

/**
 * The headers of a message of receipts.
 *
 * @param born empty for a run that an earlier version of Leat began
 * @param divisions of each line, see `Receipt.division`; empty where nothing was divided
 */
export function receiptHeaders(
  born: string,
  sink: SaverSink | undefined,
  divisions: readonly string[],
): MsgHdrs {
  const header = headers();
  header.set(FORMAT, `${FORMATS.receipts}`);
  if (born !== '') header.set(BORN, born);
  if (divisions.some((each) => each !== '')) header.set(DIVISIONS, divisions.join(','));
  if (sink !== undefined) header.set(SINK, encodeURIComponent(JSON.stringify(sink)));
  return header;
}

/** The sink that a message of receipts names; `undefined` for anything that Leat cannot have written. */
export function sinkOf({ headers: found }: JsMsg): SaverSink | undefined {
  try {
    const sink: unknown = JSON.parse(decodeURIComponent(found?.get(SINK) || 'null'));
    return isSinkIdentity(sink) && typeof (sink as SaverSink).saver === 'string'
      ? (sink as SaverSink)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The receipts of a message; the log tells of lines that Leat cannot have written. */
export function parseReceipts(message: JsMsg, logger: Logger): Receipt[] {
  const receipts: Receipt[] = [];
  const strange: string[] = [];
  const divisions = (message.headers?.get(DIVISIONS) ?? '').split(',');
  for (const [at, line] of message.string().split('\n').entries()) {
    const receipt = parseReceipt(line);
    const division = divisions[at] ?? '';
    if (receipt === undefined || !isDivisions(division)) strange.push(line);
    else receipts.push(division === '' ? receipt : { ...receipt, division });
  }
  const [line] = strange;
  if (line !== undefined) {
    const run = runOfSubject(message.subject);
    const fields = { run, lines: strange.length, line: line.slice(0, 200) };
    logger.error(fields, 'receipt not understood');
  }
  return receipts;
}
