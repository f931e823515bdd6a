/** How a chunk left the hands of a stage. */
export type ChunkOutcome = 'done' | 'given-back' | 'dropped';

/** Told of what one stage does in this process. It is told in the hot path: once a chunk, and it must be quick. */
export interface StageMeter {
  /** A chunk is in hand. @param deliveries 1 the first time */
  readonly take: (deliveries: number) => void;
  /** It is no more. @param durationMs how long it was in hand */
  readonly settle: (outcome: ChunkOutcome, durationMs: number) => void;
  /** What came of a chunk, in records. */
  readonly work: (records: {
    readonly out: number;
    readonly filtered: number;
    readonly retries: number;
    readonly recovered: number;
  }) => void;
  /** Dead letters are stored. */
  readonly bury: (letters: number) => void;
}

/** Told of what happens in a process, by the services in it. There is none where nobody measures. */
export type Meter = (stage: string) => StageMeter;
