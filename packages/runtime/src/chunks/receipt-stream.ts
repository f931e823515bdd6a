import { MAX_RECEIPTS_HELD, type Receipt, receiptsConsumer, receiptsConsumerOf } from '@leat/core';
import type { JsMsg } from '@nats-io/jetstream';
import type { Logger } from '@leat/sdk';
import type { PipelineConnection } from '../jetstream/pipeline-connection.ts';
import { ensureConsumer, removeConsumer } from '../jetstream/provision.ts';
import { pull } from '../jetstream/pull.ts';
import { replyOf } from '../jetstream/client-internals.ts';
import { Slots } from '../jetstream/slots.ts';
import { TroubleTeller } from '../runs/trouble-teller.ts';
import { BORN } from './chunk-message.ts';
import { NEWER_DELAY_MS, newerMessage } from './newer-message.ts';
import { parseReceipts, type SaverSink, sinkOf } from './receipt-message.ts';

const GIVE_BACK_MS = 500;

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
   * given back, for the next fetcher.
   */
  readonly done: Promise<void>;
  /** How many messages are not acknowledged and yet no news: in hand, or given back for a while. */
  readonly held: () => number;
}

export interface ReceiveReceiptsOptions {
  readonly connection: PipelineConnection;
  readonly run: string;
  /** The run's birth mark: receipts of another run with this id are dropped. */
  readonly born: string | undefined;
  readonly handle: (delivery: ReceiptDelivery) => void;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Reads a run's receipts until told to stop. To be called by who holds the run's lease: the consumer is made
 * anew, so that what a predecessor had in hand when it died comes at once, and not after its acknowledgement
 * window.
 */
export async function receiveReceipts(options: ReceiveReceiptsOptions): Promise<ReceiptStream> {
  const { connection, run, signal, logger } = options;
  const { spec, topology } = connection;
  const stream = topology.receipts.name;
  const durable = receiptsConsumer(run);
  const wanted = receiptsConsumerOf(spec.name, run, durable, topology.settings);
  await removeConsumer(connection.manager, stream, durable);
  await ensureConsumer(connection.manager, stream, wanted);
  connection.receiptsConsumers.set(durable, wanted);
  const messages = new ReceiptMessages(options);
  const done = pull({
    client: connection.client,
    link: connection.link,
    holder: connection.holder,
    health: connection.health,
    stream,
    consumer: durable,
    slots: messages.slots,
    handle: (message) => messages.open(message),
    repair: async () => {
      messages.forgetGivenBack();
      await connection.repair();
      await ensureConsumer(connection.manager, stream, wanted);
    },
    signal,
    logger,
  }).finally(() => {
    connection.receiptsConsumers.delete(durable);
    messages.giveAllBack();
  });
  return { done, held: () => messages.held };
}

/** The messages of receipts that one fetcher has taken. */
class ReceiptMessages {
  readonly slots: Slots = new Slots(MAX_RECEIPTS_HELD);
  readonly #options: ReceiveReceiptsOptions;
  readonly #troubles: TroubleTeller;
  readonly #inHand = new Set<ReceiptDelivery>();
  /** By their place in the stream, those that were given back and have not come again. */
  readonly #givenBack = new Set<number>();

  constructor(options: ReceiveReceiptsOptions) {
    this.#options = options;
    const { spec, runs } = options.connection;
    const fetcher = spec.stages.find(({ kind }) => kind === 'fetcher')?.name ?? '';
    this.#troubles = new TroubleTeller(runs.notes, fetcher, options.logger);
  }

  /** See {@link ReceiptStream}. */
  get held(): number {
    return this.#inHand.size + this.#givenBack.size;
  }

  /** To be called when the consumer is made anew. */
  forgetGivenBack(): void {
    this.#givenBack.clear();
  }

  giveAllBack(): void {
    for (const delivery of this.#inHand) delivery.giveBack();
  }

  /** Hands the receipts of a message over, if they are this run's and can be read. */
  open(message: JsMsg): void {
    const { connection, run, born, handle, logger } = this.#options;
    if (connection.signing?.refusalOf(message) !== undefined) {
      // The chunk whose receipt it should have been is sent again.
      message.term('its signature is refused');
      this.slots.release();
      return;
    }
    const newer = newerMessage('receipts', message);
    if (newer !== undefined) {
      this.#troubles.tell(run, newer.message);
      // It counts as unread: no chunk is taken for lost while the receipt may be its own.
      message.nak(NEWER_DELAY_MS);
      this.slots.release();
      return;
    }
    const itsRun = message.headers?.get(BORN) || born;
    if (itsRun !== born) {
      logger.warn({ run, born: itsRun }, 'receipts of another run with this id dropped');
      message.term('of another run');
      this.slots.release();
      return;
    }
    this.#givenBack.delete(message.seq);
    const delivery = this.#deliveryOf(message);
    this.#inHand.add(delivery);
    handle(delivery);
  }

  #deliveryOf(message: JsMsg): ReceiptDelivery {
    const { connection, logger } = this.#options;
    const release = connection.holder.hold(replyOf(message));
    let isSettled = false;
    const settle = (end: () => void): void => {
      if (isSettled) return;
      isSettled = true;
      this.#inHand.delete(delivery);
      release();
      end();
      this.slots.release();
    };
    const sink = sinkOf(message);
    const delivery: ReceiptDelivery = {
      receipts: parseReceipts(message, logger),
      ...(sink && { sink }),
      deliveries: message.info.deliveryCount,
      ack: () => settle(() => message.ack()),
      giveBack: () =>
        settle(() => {
          this.#givenBack.add(message.seq);
          message.nak(GIVE_BACK_MS);
        }),
      drop: (reason) => settle(() => message.term(reason)),
    };
    return delivery;
  }
}
