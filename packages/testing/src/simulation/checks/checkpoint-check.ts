import { isEnded, type LedgerCheckpoint, type RunProgress } from '@leat/core';
import type { LettersSeen } from './letters-seen.ts';
import { differenceAt, hasCounted, type WatchedRun } from './watched-run.ts';

/** Checks each checkpoint that a fetcher writes against the one before and against the sink. */
export class CheckpointCheck {
  readonly #watched: WatchedRun;
  readonly #deadSeen: Pick<LettersSeen, 'has'>;
  readonly #fail: (violation: string) => void;
  /** Chunks of the dataset that some checkpoint has said to be settled. */
  readonly #settled = new Set<number>();
  /** Leaves of chunks that some checkpoint has said to be settled in part. */
  readonly #partly = new Set<string>();
  #previous: RunProgress | undefined;
  #wasForgotten = false;
  #highestFence = 0;

  constructor(
    watched: WatchedRun,
    deadSeen: Pick<LettersSeen, 'has'>,
    fail: (violation: string) => void,
  ) {
    this.#watched = watched;
    this.#deadSeen = deadSeen;
    this.#fail = fail;
  }

  /** The last progress that was written. */
  get last(): RunProgress | undefined {
    return this.#previous;
  }

  /** Whether the bucket was gone at any time. */
  get wasForgotten(): boolean {
    return this.#wasForgotten;
  }

  /** The bucket is gone. The one who begins anew may know nothing, which costs work, and nothing else. */
  forget(): void {
    if (!isEnded(this.#previous?.state ?? 'pending')) {
      this.beginAgain();
      return;
    }
    // A replica that has not seen its end yet tells of it again, and it ends again.
    this.#wasForgotten = true;
    this.#highestFence = 0;
  }

  /** The bucket is gone, and somebody wants the run again, also if it had ended. */
  beginAgain(): void {
    this.#previous = undefined;
    this.#wasForgotten = true;
    // It begins with the time, and rises above a sink that was ahead of it once a saver has said so.
    this.#highestFence = 0;
  }

  /** Whether a checkpoint has been written that has a receipt's chunk. */
  hasReceipt(chunk: string): boolean {
    if (this.#settled.has(Number.parseInt(chunk, 10))) return true;
    for (let id = chunk; id.includes('.'); id = id.slice(0, id.lastIndexOf('.'))) {
      if (this.#partly.has(id)) return true;
    }
    return false;
  }

  written(progress: RunProgress): void {
    const before = this.#previous;
    const { ledger } = progress;
    this.#previous = progress;
    if (before !== undefined && !this.#wasForgotten) {
      const isRevived = isEnded(before.state) && progress.state !== before.state;
      if (isRevived) this.#fail(`${before.state}, and written again as ${progress.state}`);
      for (const seq of settledOf(before.ledger)) {
        if (!isSettled(ledger, seq)) {
          this.#fail(`chunk ${seq} was settled in a checkpoint and is not in the next`);
        }
      }
    }
    if (progress.fence < this.#highestFence) this.#fail('an older fence wrote over a newer one');
    this.#highestFence = progress.fence;
    let count = 0;
    for (const seq of settledOf(ledger)) {
      count++;
      if (!this.#settled.has(seq)) this.#checkClaim(seq, progress);
      this.#settled.add(seq);
    }
    for (const [seq, { paths }] of Object.entries(ledger.partly)) {
      for (const path of paths) this.#partly.add(`${seq}${path}`);
    }
    const { scenario, request } = this.#watched;
    const { window } = scenario.pipeline.fetcher;
    // A ledger that is made from the sinks has chunks to do again that left nothing to save.
    const isBounded = request.isIdGiven !== true;
    if (isBounded && ledger.next - count > window) {
      this.#fail(`${ledger.next - count} chunks in flight, and the window is ${window}`);
    }
  }

  #checkClaim(seq: number, progress: RunProgress): void {
    const { scenario, request } = this.#watched;
    const { dataset } = scenario;
    // Begun again with other chunks: it must be refused, and what its chunks hold is not known here.
    if (request.limits?.chunkSize !== dataset.chunkSize) return;
    // What the sinks have may be of the dataset before somebody changed it.
    const editions = Array.from({ length: dataset.edition + 1 }, (_, edition) => edition);
    for (const { kind, name } of scenario.pipeline.stages) {
      if (kind !== 'saver') continue;
      const wanted = editions.map((edition) => dataset.linesOf(name, seq, edition));
      if (!hasCounted(this.#watched, name, progress, wanted, seq)) {
        const difference = differenceAt(this.#watched, name, progress, wanted.at(-1) ?? [], seq);
        this.#fail(
          `the ledger has chunk ${seq} settled, and ${name} does not hold its records: ${difference}`,
        );
      }
    }
    const unseen = editions.map((edition) =>
      dataset.deadOf(seq, edition).find((letter) => !this.#deadSeen.has(letter)),
    );
    if (unseen.every((letter) => letter !== undefined)) {
      this.#fail(
        `the ledger has chunk ${seq} settled without the dead letter of ${unseen.at(-1) ?? ''}`,
      );
    }
  }
}

function* settledOf({ watermark, settledAbove }: LedgerCheckpoint): Generator<number> {
  for (let seq = 0; seq < watermark; seq++) yield seq;
  for (const [from, to] of settledAbove) for (let seq = from; seq < to; seq++) yield seq;
}

function isSettled({ watermark, settledAbove }: LedgerCheckpoint, seq: number): boolean {
  return seq < watermark || settledAbove.some(([from, to]) => seq >= from && seq < to);
}
