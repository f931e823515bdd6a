import {
  formatReceipt,
  FORMATS,
  MAX_RECEIPTS_HELD,
  parseReceipt,
  type Receipt,
  receiptsConsumer,
  receiptsConsumerOf,
  receiptsSubject,
  runOfSubject,
  type SinkIdentity,
} from '@leat/core';
import type { JsMsg } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { BORN, type Envelope, FORMAT } from './chunk-message.ts';
import { NEWER_DELAY_MS, newerMessage } from './newer-message.ts';
import type { PipelineConnection } from '../jetstream/pipeline-connection.ts';
import { ensureConsumer, removeConsumer } from '../jetstream/provision.ts';
import { pull } from '../jetstream/pull.ts';
import { replyOf } from '../jetstream/reply.ts';
import { isSinkIdentity } from '../runs/run-entries.ts';
import { Slots } from '../jetstream/slots.ts';
import { TroubleTeller } from '../runs/trouble-teller.ts';

/** Most receipts in a message; about 10 kB. */
const MAX_RECEIPTS = 256;

const GIVE_BACK_MS = 500;

/** The saver whose receipts a message has, and its sink. */
const SINK = 'Leat-Sink';

/** A saver, and the sink that it writes into. */
export interface SaverSink extends SinkIdentity {
  readonly saver: string;
}

interface Batch {
  readonly run: string;
  readonly born: string;
  readonly sink: SaverSink | undefined;
  readonly lines: string[];
  readonly sent: PromiseWithResolvers;
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Sends receipts to the fetcher, many in one message: those of one turn of the event loop go together,
 * and those that come up while a message is on its way go with the next.
 */
export class ReceiptSender {
  readonly #connection: PipelineConnection;
  readonly #signal: AbortSignal;
  readonly #waiting = new Map<string, Batch>();
  #isSending = false;

  /** @param signal gives up when the service must stop now */
  constructor(connection: PipelineConnection, signal: AbortSignal) {
    this.#connection = connection;
    this.#signal = signal;
  }

  /**
   * Sends the receipt of a chunk, and waits until it is stored.
   *
   * @param sink where the chunk is saved; absent if nothing of it was left to save, or the sink has no mark
   */
  send(
    { run, born = '' }: Pick<Envelope, 'run' | 'born'>,
    receipt: Receipt,
    sink?: SaverSink,
  ): Promise<void> {
    const key = `${run} ${born} ${sink?.mark ?? ''}`;
    let batch = this.#waiting.get(key);
    if (batch === undefined) {
      batch = { run, born, sink, lines: [], sent: withResolvers() };
      this.#waiting.set(key, batch);
    }
    batch.lines.push(formatReceipt(receipt));
    if (!this.#isSending) {
      this.#isSending = true;
      queueMicrotask(() => void this.#sendAll());
    }
    return batch.sent.promise;
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batches = [...this.#waiting.values()];
      this.#waiting.clear();
      await Promise.all(batches.map((batch) => this.#publish(batch)));
    }
    this.#isSending = false;
  }

  async #publish({ run, born, sink, lines, sent }: Batch): Promise<void> {
    const subject = receiptsSubject(this.#connection.spec.name, run);
    const { publisher } = this.#connection;
    try {
      for (let from = 0; from < lines.length; from += MAX_RECEIPTS) {
        const body = Buffer.from(lines.slice(from, from + MAX_RECEIPTS).join('\n'));
        const header = headers();
        header.set(FORMAT, `${FORMATS.receipts}`);
        if (born !== '') header.set(BORN, born);
        if (sink !== undefined) header.set(SINK, encodeURIComponent(JSON.stringify(sink)));
        await publisher.publish(subject, body, header, this.#signal);
      }
      sent.resolve();
    } catch (error) {
      sent.reject(error);
    }
  }
}

function withResolvers(): PromiseWithResolvers {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** A message of receipts in hand. */
export interface ReceiptDelivery {
  readonly receipts: readonly Receipt[];
  /** Where their chunks are saved, if it is known. */
  readonly sink?: SaverSink;
  /** How often they have come, this time included. */
  readonly deliveries: number;
  /** To be called when a checkpoint has them. */
  readonly ack: () => void;
  /** They shall come again, a little later. */
  readonly giveBack: () => void;
  /** They shall not come again, and count for nothing. */
  readonly drop: (reason: string) => void;
}

/** The receipts of one run, as the fetcher that holds its lease reads them. */
export interface ReceiptStream {
  /**
   * Ends when the signal given to {@link receiveReceipts} is aborted; what was not acknowledged by then is
   * given back, for whoever conducts the run next.
   */
  readonly done: Promise<void>;
  /** How many messages are not acknowledged and yet no news: in hand, or given back for a while. */
  readonly held: () => number;
}

/**
 * Reads a run's receipts until told to stop. To be called by who holds the run's lease: the consumer is made
 * anew, so that what a predecessor had in hand when it died comes at once, and not after its acknowledgement
 * window.
 */
export async function receiveReceipts(options: {
  readonly connection: PipelineConnection;
  readonly run: string;
  /** The run's birth mark: receipts of another run with this id are dropped. */
  readonly born: string | undefined;
  readonly handle: (delivery: ReceiptDelivery) => void;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}): Promise<ReceiptStream> {
  const { connection, run, born, handle, signal, logger } = options;
  const stream = connection.topology.receipts.name;
  const durable = receiptsConsumer(run);
  const wanted = receiptsConsumerOf(
    connection.spec.name,
    run,
    durable,
    connection.topology.settings,
  );
  await removeConsumer(connection.manager, stream, durable);
  await ensureConsumer(connection.manager, stream, wanted);
  const slots = new Slots(MAX_RECEIPTS_HELD);
  const held = new Set<ReceiptDelivery>();
  /** By their place in the stream, those that were given back and have not come again. */
  const givenBack = new Set<number>();
  const fetcher = connection.spec.stages.find(({ kind }) => kind === 'fetcher')?.name ?? '';
  const troubles = new TroubleTeller(connection.runs.notes, fetcher, logger);
  const open = (message: JsMsg): void => {
    const newer = newerMessage('receipts', message);
    if (newer !== undefined) {
      troubles.tell(run, newer.message);
      // It counts as unread: no chunk is taken for lost while the receipt may be its own.
      message.nak(NEWER_DELAY_MS);
      slots.release();
      return;
    }
    const itsRun = message.headers?.get(BORN) || born;
    if (itsRun !== born) {
      logger.warn({ run, born: itsRun }, 'receipts of another run with this id dropped');
      message.term('of another run');
      slots.release();
      return;
    }
    const release = connection.holder.hold(replyOf(message));
    givenBack.delete(message.seq);
    let isSettled = false;
    const settle = (end: () => void): void => {
      if (isSettled) return;
      isSettled = true;
      held.delete(delivery);
      release();
      end();
      slots.release();
    };
    const sink = sinkOf(message);
    const delivery: ReceiptDelivery = {
      receipts: parseReceipts(message, logger),
      ...(sink && { sink }),
      deliveries: message.info.deliveryCount,
      ack: () => settle(() => message.ack()),
      giveBack: () =>
        settle(() => {
          givenBack.add(message.seq);
          message.nak(GIVE_BACK_MS);
        }),
      drop: (reason) => settle(() => message.term(reason)),
    };
    held.add(delivery);
    handle(delivery);
  };
  const done = pull({
    client: connection.client,
    link: connection.link,
    holder: connection.holder,
    stream,
    consumer: durable,
    slots,
    handle: open,
    repair: async () => {
      givenBack.clear();
      await connection.repair();
      await ensureConsumer(connection.manager, stream, wanted);
    },
    signal,
    logger,
  }).finally(() => {
    for (const delivery of held) delivery.giveBack();
  });
  return { done, held: () => held.size + givenBack.size };
}

/** The sink that a message of receipts names; `undefined` for anything that Leat cannot have written. */
function sinkOf({ headers: found }: JsMsg): SaverSink | undefined {
  try {
    const sink: unknown = JSON.parse(decodeURIComponent(found?.get(SINK) || 'null'));
    return isSinkIdentity(sink) && typeof (sink as SaverSink).saver === 'string'
      ? (sink as SaverSink)
      : undefined;
  } catch {
    return undefined;
  }
}

function parseReceipts(message: JsMsg, logger: Logger): Receipt[] {
  const receipts: Receipt[] = [];
  const strange: string[] = [];
  for (const line of message.string().split('\n')) {
    const receipt = parseReceipt(line);
    if (receipt === undefined) strange.push(line);
    else receipts.push(receipt);
  }
  const [line] = strange;
  if (line !== undefined) {
    const run = runOfSubject(message.subject);
    const fields = { run, lines: strange.length, line: line.slice(0, 200) };
    logger.error(fields, 'receipt not understood');
  }
  return receipts;
}
