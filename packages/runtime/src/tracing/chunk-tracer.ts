import {
  type ChunkId,
  formatChunkId,
  type Origins,
  parsePosition,
  type PipelineSpec,
  type Position,
  requestId,
  stageSubject,
} from '@leat/core';
import {
  type Attributes,
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import type { MsgHdrs } from '@nats-io/transport-node';
import { ChunkSpan, type TraceHeaders } from './chunk-span.ts';

/** A chunk, as far as its spans tell of it. */
export interface TracedChunk {
  readonly run: string;
  readonly chunk: ChunkId;
  /** See `Envelope.sending`. */
  readonly sending: string;
  readonly records: number;
  /** Where its first record stands; with `origins` it says which one that is. */
  readonly position: Position;
  readonly origins?: Origins;
}

/** The headers of a message, or those that one would have that is handed over in this process. */
export type FoundHeaders = MsgHdrs | TraceHeaders;

/** Makes the spans of a pipeline's chunks: one trace for each. There is none where nobody traces. */
export class ChunkTracer {
  readonly #pipeline: string;
  readonly #fetcher: string;
  readonly #tracer: Tracer;

  constructor({ name, stages }: PipelineSpec, tracer: Tracer) {
    this.#pipeline = name;
    this.#fetcher = stages.find(({ kind }) => kind === 'fetcher')?.name ?? '';
    this.#tracer = tracer;
  }

  /** Begins a chunk's trace: the fetcher sends it to its readers. */
  send(chunk: TracedChunk, readers: readonly string[]): ChunkSpan {
    const attributes = this.#attributes('send', this.#fetcher, chunk);
    const [reader] = readers;
    if (reader !== undefined && readers.length === 1) {
      attributes['messaging.destination.name'] = stageSubject(this.#pipeline, reader, chunk.run);
    }
    const options = { kind: SpanKind.PRODUCER, attributes };
    const span = this.#tracer.startSpan(`send ${readers.join(',')}`, options, ROOT_CONTEXT);
    return new ChunkSpan(span, trace.setSpan(ROOT_CONTEXT, span), requestsOf(chunk));
  }

  /**
   * Goes on with a chunk's trace: a stage has it in hand.
   *
   * @param headers the message's, which say whose child the span is
   * @param attempt 1 the first time
   */
  process(
    stage: string,
    chunk: TracedChunk,
    headers: FoundHeaders | undefined,
    attempt: number,
  ): ChunkSpan {
    const attributes = this.#attributes('process', stage, chunk);
    // An inline stage has no queue.
    if (headers === undefined || isMessage(headers)) {
      attributes['messaging.destination.name'] = stageSubject(this.#pipeline, stage, chunk.run);
    }
    attributes['leat.attempt'] = attempt;
    const parent = isMessage(headers)
      ? propagation.extract(ROOT_CONTEXT, headers, {
          get: (carrier, key) => carrier.get(key) || undefined,
          keys: (carrier) => carrier.keys(),
        })
      : propagation.extract(ROOT_CONTEXT, headers ?? {});
    const options = { kind: SpanKind.CONSUMER, attributes };
    const span = this.#tracer.startSpan(`process ${stage}`, options, parent);
    return new ChunkSpan(span, trace.setSpan(parent, span), requestsOf(chunk));
  }

  #attributes(operation: string, stage: string, chunk: TracedChunk): Attributes {
    const id = formatChunkId(chunk.chunk);
    const { run, position, origins = [0] } = chunk;
    return {
      'messaging.system': 'nats',
      'messaging.operation.type': operation,
      'messaging.operation.name': operation,
      'leat.pipeline': this.#pipeline,
      'leat.run': chunk.run,
      'leat.stage': stage,
      'leat.chunk': id,
      'leat.records': chunk.records,
      ...(chunk.records === 1 && {
        'leat.request': requestId(run, id, position.first + (origins[0] ?? 0)),
      }),
      ...(chunk.sending !== '' && { 'leat.sending': chunk.sending }),
    };
  }
}

/** The ids of a chunk's records, by their positions. */
function requestsOf({ run, chunk }: TracedChunk): (position: string) => string | undefined {
  return (text) => {
    const position = parsePosition(text);
    return position && requestId(run, formatChunkId(chunk), position.first);
  };
}

function isMessage(headers: FoundHeaders | undefined): headers is MsgHdrs {
  return typeof headers?.get === 'function';
}

/** Does work on a chunk in a thread or process that does not have its span, and knows its headers. */
export function continueTrace<T>(headers: TraceHeaders | undefined, work: () => T): T {
  if (headers === undefined) return work();
  return context.with(propagation.extract(ROOT_CONTEXT, headers), work);
}
