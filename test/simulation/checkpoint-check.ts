import { isEnded, type LedgerCheckpoint, type RunProgress } from '@leat/core';
import type { ModelSink } from './model-sink.ts';
import type { Scenario } from './scenario.ts';

/** Checks each checkpoint that a fetcher writes against the one before and against the sink. */
export class CheckpointCheck {
  readonly #scenario: Scenario;
  readonly #sink: ModelSink;
  readonly #deadSeen: ReadonlySet<string>;
  readonly #fail: (violation: string) => void;
  /** Chunks of the dataset that some checkpoint has said to be settled. */
  readonly #settled = new Set<number>();
  /** Leaves of chunks that some checkpoint has said to be settled in part. */
  readonly #partly = new Set<string>();
  #previous: RunProgress | undefined;
  #wasForgotten = false;
  #highestFence = 0;

  constructor(
    scenario: Scenario,
    sink: ModelSink,
    deadSeen: ReadonlySet<string>,
    fail: (violation: string) => void,
  ) {
    this.#scenario = scenario;
    this.#sink = sink;
    this.#deadSeen = deadSeen;
    this.#fail = fail;
  }

  /** The last progress that was written. */
  get last(): RunProgress | undefined {
    return this.#previous;
  }

  /** The bucket is gone. Whoever begins anew may know nothing, which costs work, and nothing else. */
  forget(): void {
    this.#previous = undefined;
    this.#wasForgotten = true;
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
      if (!this.#settled.has(seq)) this.#checkClaim(seq);
      this.#settled.add(seq);
    }
    for (const [seq, { paths }] of Object.entries(ledger.partly)) {
      for (const path of paths) this.#partly.add(`${seq}${path}`);
    }
    const { window } = this.#scenario.pipeline.fetcher;
    if (ledger.next - count > window) {
      this.#fail(`${ledger.next - count} chunks in flight, and the window is ${window}`);
    }
  }

  #checkClaim(seq: number): void {
    const wanted = this.#scenario.linesOf(seq).toSorted().join(' ');
    for (const { kind, name } of this.#scenario.pipeline.stages) {
      if (kind !== 'saver') continue;
      const found = this.#sink.lines(name, seq).toSorted().join(' ');
      if (found !== wanted) {
        this.#fail(
          `the ledger has chunk ${seq} settled; ${name} should hold ${wanted}, holds ${found}`,
        );
      }
    }
    const { chunkSize, dead } = this.#scenario;
    for (let n = seq * chunkSize; n < (seq + 1) * chunkSize; n++) {
      const letter = `work ${n}`;
      if (dead.has(letter) && !this.#deadSeen.has(letter)) {
        this.#fail(`the ledger has chunk ${seq} settled without the dead letter of ${letter}`);
      }
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
