import { formatReceipt, type Receipt, receiptsSubject } from '@leat/core';
import type { Publishing } from '../jetstream/publisher.ts';
import type { Envelope } from './chunk-message.ts';
import { receiptHeaders, type SaverSink } from './receipt-message.ts';

/** Most receipts in a message; about 10 kB. */
const MAX_RECEIPTS = 256;

interface Batch {
  readonly run: string;
  readonly born: string;
  readonly sink: SaverSink | undefined;
  readonly lines: string[];
  /** How the chunk of each line was divided; the last release takes no line that says so. */
  readonly divisions: string[];
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
  readonly #connection: Publishing;
  readonly #signal: AbortSignal;
  readonly #waiting = new Map<string, Batch>();
  #isSending = false;

  /** @param signal gives up when the service must stop now */
  constructor(connection: Publishing, signal: AbortSignal) {
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
      batch = { run, born, sink, lines: [], divisions: [], sent: withResolvers() };
      this.#waiting.set(key, batch);
    }
    const { division = '', ...known } = receipt;
    batch.lines.push(formatReceipt(known));
    batch.divisions.push(division);
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

  async #publish({ run, born, sink, lines, divisions, sent }: Batch): Promise<void> {
    const subject = receiptsSubject(this.#connection.spec.name, run);
    const { publisher } = this.#connection;
    try {
      for (let from = 0; from < lines.length; from += MAX_RECEIPTS) {
        const body = Buffer.from(lines.slice(from, from + MAX_RECEIPTS).join('\n'));
        const header = receiptHeaders(born, sink, divisions.slice(from, from + MAX_RECEIPTS));
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
