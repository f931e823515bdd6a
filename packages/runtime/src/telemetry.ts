import { recordsOf } from '@leat/core';
import type { Envelope } from './chunks/chunk-message.ts';
import type { DeadRecord } from './dead/bury.ts';
import type { ChunkOutcome, Meter, StageMeter } from './meter.ts';
import type { ChunkSpan, TraceHeaders } from './tracing/chunk-span.ts';
import type { ChunkTracer, FoundHeaders } from './tracing/chunk-tracer.ts';

/** Where a service tells of its work. */
export interface Telemetry {
  /** Told of what its stages do; absent where nobody measures. */
  readonly meter?: Meter | undefined;
  /** Makes the spans of their chunks; absent where nobody traces. */
  readonly tracer?: ChunkTracer | undefined;
}

/** What one stage tells of its work: numbers and spans. */
export class StageTelemetry {
  readonly #stage: string;
  readonly #meter: StageMeter | undefined;
  readonly #tracer: ChunkTracer | undefined;

  constructor(stage: string, { meter, tracer }: Telemetry = {}) {
    this.#stage = stage;
    this.#meter = meter?.(stage);
    this.#tracer = tracer;
  }

  /**
   * A chunk is in hand.
   *
   * @param deliveries 1 the first time
   */
  inHand(deliveries: number): ChunkTelemetry {
    return new ChunkTelemetry(this.#stage, deliveries, this.#meter, this.#tracer);
  }
}

/** What is told of one chunk, for as long as a stage has it in hand. */
export class ChunkTelemetry {
  readonly #stage: string;
  readonly #deliveries: number;
  readonly #meter: StageMeter | undefined;
  readonly #tracer: ChunkTracer | undefined;
  readonly #takenAt = performance.now();
  #span: ChunkSpan | undefined;

  constructor(
    stage: string,
    deliveries: number,
    meter: StageMeter | undefined,
    tracer: ChunkTracer | undefined,
  ) {
    this.#stage = stage;
    this.#deliveries = deliveries;
    this.#meter = meter;
    this.#tracer = tracer;
    meter?.take(deliveries);
  }

  /**
   * Its message has been read: its span begins.
   *
   * @param headers the message's, which say whose child the span is
   */
  read(envelope: Envelope, headers: FoundHeaders | undefined): void {
    if (this.#tracer === undefined) return;
    const chunk = { ...envelope, records: recordsOf(envelope.counts) };
    this.#span = this.#tracer.process(this.#stage, chunk, headers, this.#deliveries);
  }

  /** For the messages that come of the chunk: their spans become children. Absent where nobody traces. */
  get headers(): TraceHeaders | undefined {
    return this.#span?.headers;
  }

  /** Does work with the chunk's span as the active one: what the user's code traces becomes its child. */
  within<T>(work: () => T): T {
    return this.#span === undefined ? work() : this.#span.within(work);
  }

  /** A mapper has passed on what it made of the chunk; how many records of each kind. */
  became(records: {
    readonly out: number;
    readonly filtered: number;
    readonly retries: number;
    readonly recovered: number;
  }): void {
    this.#span?.became(records);
    this.#meter?.work(records);
  }

  /** Its records are saved; 0 if they had been before. */
  saved(records: number): void {
    this.#meter?.work({ out: records, filtered: 0, retries: 0, recovered: 0 });
  }

  /** Records of it were given up, and their dead letters are stored. */
  buried(records: readonly Pick<DeadRecord, 'position' | 'error'>[]): void {
    if (records.length === 0) return;
    this.#span?.bury(records);
    this.#meter?.bury(records.length);
  }

  /** An error ended the work on it. */
  failed(error: unknown): void {
    this.#span?.fail(error);
  }

  /** It is out of hand. */
  settled(outcome: ChunkOutcome): void {
    this.#meter?.settle(outcome, performance.now() - this.#takenAt);
    this.#span?.end(outcome);
  }
}
