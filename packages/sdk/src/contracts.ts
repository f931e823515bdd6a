import type { JsonValue, Position, Receipt, RunIdentity, SinkIdentity } from '@leat/core';
import type { ZodType } from 'zod';
import type { Logger } from './logger.ts';
import type { TextParams } from './params.ts';

/** Where types are kept that no value has: nobody can set it, and no editor offers it. */
declare const ITEM: unique symbol;

/**
 * The run that a source, stage or sink works for.
 *
 * @typeParam Params what the pipeline's schema makes of the parameters; text by name where it declares none
 */
export interface RunInfo<out Params = TextParams> {
  readonly id: string;
  readonly pipeline: string;
  /** What the run was started with: `--param key=value`, or `params` of the client. */
  readonly params: Params;
}

/**
 * A chunk as a source cuts it: the unit of transfer, retry, acknowledgement and tracking.
 */
export interface SourceChunk {
  /**
   * Newline-delimited JSON: `records` lines, each ended by `\n`, none of them blank. The lines need not
   * be valid JSON; the first stage that reads them makes dead letters of those that are not. The buffer
   * must not be written to again after it is handed over.
   */
  readonly body: Uint8Array;
  /** How many lines the body has; may be 0 if `rejected` is not empty. */
  readonly records: number;
  /**
   * Where the source goes on after this chunk. Opaque to Leat; small, because it is checkpointed. A
   * source that is given a cursor yields the very chunks that it would have yielded after this one.
   */
  readonly nextCursor: JsonValue;
  /** Where in the dataset the chunk begins. A chunk never spans two files. */
  readonly position: Position;
  /**
   * The offset of each line from `position.first`; absent when line `n` simply has offset `n` (no blank
   * lines, nothing rejected in between).
   */
  readonly origins?: readonly number[];
  /** Records that could not be made into a line, such as a CSV row with a column too many. */
  readonly rejected?: readonly RejectedInput[];
  /** The share of the dataset, from 0 to 1, that ends with this chunk, if it can be told cheaply. */
  readonly fraction?: number;
}

/** One record that a source could not make into a line. */
export interface RejectedInput {
  /** Offset from the chunk's `position.first`. */
  readonly offset: number;
  /** The record as it was read. */
  readonly raw: string;
  readonly reason: string;
}

/** What a source is asked for. */
export interface SourceRequest {
  readonly run: RunInfo<unknown>;
  /** Most records in a chunk. */
  readonly chunkSize: number;
  /** Most bytes in a chunk's body; a single record above it is a chunk of its own. */
  readonly maxBytes: number;
  /** Where to begin: a `nextCursor` of an earlier chunk, or `null` for the beginning. */
  readonly cursor: JsonValue;
  readonly signal: AbortSignal;
}

/**
 * Where records come from. The one rule that everything rests on: **the same cursor yields the same
 * chunks**, in another process and after a crash. It gives resume and re-sending without a second concept.
 *
 * @typeParam Item what it yields, before the schema; `never` where only the schema can tell (files).
 */
export interface Source<out Item = never> {
  /** For logs: `json-array`, `csv`. */
  readonly kind: string;
  /** Only for type inference; never set. */
  readonly [ITEM]?: Item;
  /**
   * Reads on from a cursor. Nothing is opened before the first chunk is asked for, and everything is
   * closed when the loop is left. Memory is bounded by a few chunks, whatever the dataset's size.
   *
   * Throws `LeatError` `source-missing` if there is nothing to read (no such file, not readable, a glob
   * without matches) and `source-damaged`, with the position, if it is not what it claims to be (not an
   * array, truncated). Chunks before the damage are yielded first.
   */
  readonly chunks: (request: SourceRequest) => AsyncIterable<SourceChunk>;
}

/** A chunk as a sink takes it. */
export interface SinkChunk {
  /** Chunk id, books and digest: to be committed together with the body. */
  readonly receipt: Receipt;
  /** Newline-delimited JSON, each line ended by `\n`; empty if there is nothing to save. */
  readonly body: Uint8Array;
}

/** What became of a chunk. */
export interface Committed {
  /** The receipt that the sink holds: the given one, or that of the first commit. */
  readonly receipt: Receipt;
  /** Whether the chunk had been committed before, and nothing was written. */
  readonly isDuplicate: boolean;
}

/** What a sink is given when it is opened. */
export interface SinkContext {
  readonly run: RunInfo<unknown>;
  /** What tells this run from others with its id; for `admitToSink`. */
  readonly identity: RunIdentity;
  /** Whether the operator wants to go on with what the sink has of an earlier run with this id. */
  readonly isRecovered: boolean;
  /** The saver's name. */
  readonly stage: string;
  /** The schema of the records that arrive; they have passed it. */
  readonly schema: ZodType;
  /**
   * The run's fencing token, up to 2^53, under which the session commits. Opening raises the fence that
   * the sink keeps for this run and saver, if it is lower. Absent: the session only reads. It raises and makes
   * nothing, finds nothing where nothing is, and cannot commit.
   */
  readonly fence?: number;
  readonly logger: Logger;
}

/**
 * Where records go. Data and receipt are committed together, keyed by run and chunk id, which makes the
 * at-least-once queues effectively once.
 *
 * @typeParam Item what it accepts, as it stands in the JSON.
 */
export interface Sink<in Item = unknown> {
  /** For logs: `ndjson`, `postgres`. */
  readonly kind: string;
  /** Only for type inference; never set. */
  readonly [ITEM]?: (item: Item) => void;
  /**
   * Opens the sink for one run. Throws `LeatError` `sink-unfit` if it can never work as it stands, and
   * `sink-taken` if it holds another run with this id: see `admitToSink`.
   */
  readonly open: (context: SinkContext) => Promise<SinkSession>;
}

/** A sink that is open for one run and one saver. Several may be open at once, also in other processes. */
export interface SinkSession {
  /**
   * Tells the sink from every other: all savers of one name must write into one sink, and who comes with
   * another is refused. Absent: nobody can tell.
   */
  readonly identity?: SinkIdentity;
  /**
   * Commits chunks durably, each with its receipt, each at most once for ever: a chunk whose id was
   * committed before is reported as a duplicate and changes nothing. In the order given; may be called
   * again while an earlier call is still running.
   *
   * Throws `LeatError` `fenced` if the sink's fence is higher than the session's and something would be
   * written: nothing is, and this session can never commit again. `open` may throw it, too. Its option `fence`
   * says which one the sink has, so that the run's fetcher can rise above it.
   *
   * Throws `SinkRejection`, with nothing committed, if some records can never be taken; the saver
   * makes dead letters of them and commits again without. Any other error means: not now, nothing is
   * known to be committed, call again.
   */
  readonly commit: (chunks: readonly SinkChunk[]) => Promise<readonly Committed[]>;
  /** Every receipt committed for this run by any session of this saver, in dataset order. */
  readonly receipts: () => AsyncIterable<Receipt>;
  /** What is really there, in dataset order, read back from the data and not from the receipts. */
  readonly read: () => AsyncIterable<StoredChunk>;
  readonly close: () => Promise<void>;
}

/** A chunk as it is found in a sink. */
export interface StoredChunk {
  /** The chunk id. */
  readonly chunk: string;
  readonly records: number;
  /** Newline-delimited JSON. */
  readonly body: Uint8Array;
  /**
   * Whether `body` is, byte for byte, what was given to `commit`, so that its digest can be recomputed.
   * A database that stores columns cannot promise it.
   */
  readonly isVerbatim: boolean;
  /** Whether the sink itself finds that the data are not what they were when they were committed. */
  readonly isAltered?: boolean;
}
