import { describeThrown } from '@leat/core';
import { type Context, context, propagation, type Span, SpanStatusCode } from '@opentelemetry/api';

/** Which span a message comes of, as headers: W3C's `traceparent`, and `tracestate` if there is one. */
export type TraceHeaders = Readonly<Record<string, string>>;

/** A record that was given up, as far as a span tells of it. */
interface Buried {
  readonly position: string;
  readonly error: { readonly name: string; readonly message: string; readonly stack?: string };
}

/** What a mapper made of a chunk, in records, as far as a span tells of it. */
interface Became {
  readonly retries: number;
  readonly filtered: number;
  readonly recovered: number;
}

/** The span of a chunk that is sent, or that a stage has in hand. */
export class ChunkSpan {
  readonly #span: Span;
  readonly #context: Context;
  readonly #requestAt: (position: string) => string | undefined;
  #buried = 0;

  /**
   * @param itself the context in which the span is the active one
   * @param requestAt gives the id of a record of the chunk by its position
   */
  constructor(span: Span, itself: Context, requestAt: (position: string) => string | undefined) {
    this.#span = span;
    this.#context = itself;
    this.#requestAt = requestAt;
  }

  /** For the messages that come of the chunk: their spans become children. */
  get headers(): TraceHeaders {
    const headers: Record<string, string> = {};
    propagation.inject(this.#context, headers);
    return headers;
  }

  /** Does work with the span as the active one: what the user's code traces becomes its child. */
  within<T>(work: () => T): T {
    return context.with(this.#context, work);
  }

  /** Tells what a mapper made of the chunk. */
  became({ retries, filtered, recovered }: Became): void {
    this.#span.setAttributes({ 'leat.retries': retries, 'leat.filtered': filtered });
    if (recovered > 0) this.#span.setAttribute('leat.recovered', recovered);
  }

  /** Tells of records that were given up: an exception for each. */
  bury(letters: readonly Buried[]): void {
    if (letters.length === 0) return;
    for (const { position, error } of letters) {
      const request = this.#requestAt(position);
      this.#span.addEvent('exception', {
        'exception.type': error.name,
        'exception.message': error.message,
        ...(error.stack !== undefined && { 'exception.stacktrace': error.stack }),
        'leat.position': position,
        ...(request !== undefined && { 'leat.request': request }),
      });
    }
    this.#buried += letters.length;
    const message = `dead letters: ${this.#buried}`;
    this.#span.setAttribute('leat.dead', this.#buried);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
  }

  /** Tells of an error that stopped the work. */
  fail(error: unknown): void {
    const thrown = describeThrown(error);
    this.#span.recordException(thrown);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: thrown.message });
  }

  /** @param outcome how a chunk left the hands of a stage */
  end(outcome?: string): void {
    if (outcome !== undefined) this.#span.setAttribute('leat.outcome', outcome);
    this.#span.end();
  }

  /**
   * Ends with a promise, as well or badly as it does.
   *
   * @param signal what it breaks off is no error
   */
  async until<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!signal.aborted) this.fail(error);
      throw error;
    } finally {
      this.end();
    }
  }
}
