import {
  type Logger,
  LongWaits,
  type PipelineConnection,
  TroubleTeller,
  wait,
} from '@leat/runtime';

/** A source that gives nothing for so long is said to be silent. */
const SILENT_MS = 30_000;
const LOOK_MS = 10_000;

export interface SourceSilenceOptions {
  readonly run: string;
  /** The stage that reads the source. */
  readonly fetcher: string;
  readonly connection: Pick<PipelineConnection, 'runs'>;
  readonly logger: Logger;
}

/** Says that a run's source has been asked for a chunk and gives none, and since when. */
export class SourceSilence {
  readonly #run: string;
  readonly #waits: LongWaits;
  /** By reader, when it asked its source; by `Date.now`. */
  readonly #askedAt = new Map<object, number>();

  constructor({ run, fetcher, connection, logger }: SourceSilenceOptions) {
    this.#run = run;
    const troubles = new TroubleTeller(connection.runs.notes, fetcher, logger);
    this.#waits = new LongWaits({ logger, note: (of, reason) => troubles.note(of, reason) });
  }

  /** A reader asks its source for a chunk. */
  asks(reader: object): void {
    this.#askedAt.set(reader, Date.now());
  }

  /** It has an answer, or does not wait for one any more. */
  answered(reader: object): void {
    this.#askedAt.delete(reader);
  }

  /** Looks now and then, until the signal is aborted. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#look();
      await wait(LOOK_MS, signal).catch(() => undefined);
    }
  }

  #look(): void {
    const since = Math.min(...this.#askedAt.values());
    const silentMs = Date.now() - since;
    if (silentMs < SILENT_MS) {
      this.#waits.end(this.#run);
      return;
    }
    const sentence = `the source has given nothing since ${new Date(since).toISOString()}, when it was asked for its next chunk: it may wait for something, or for the rest of a chunk`;
    this.#waits.tell(this.#run, silentMs, sentence);
  }
}
