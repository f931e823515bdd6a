import {
  canReach,
  isEnded,
  outputsOf,
  parseReceipt,
  readersOf,
  regionsAround,
  type RunProgress,
  type StageSpec,
} from '@leat/core';
import { progressOf } from '@leat/runtime';
import { CheckpointCheck } from './checkpoint-check.ts';
import { checkEnd } from './end-check.ts';
import { LettersSeen } from './letters-seen.ts';
import type { Observer, Storage, StoredMessage } from '../model/model-types.ts';
import { headerOf, type Packet } from '../model/model-wire.ts';
import type { Trace } from '../trace.ts';
import type { WatchedRun } from './watched-run.ts';

/** A receipt that has come so often, always for a chunk that was never sent, may be dropped. */
const MAX_PREMATURE_DELIVERIES = 240;

/** Watches a run from the server's side, and says what must not have happened. */
export class Invariants implements Observer {
  readonly violations: string[] = [];
  readonly checkpoints: CheckpointCheck;
  readonly #trace: Trace;
  readonly #watched: WatchedRun;
  /** Whatever was stored at any time: chunks as `stage id`, receipts as ids, and dead letters. */
  readonly #chunks = new Set<string>();
  readonly #receipts = new Set<string>();
  readonly #dead = new LettersSeen();

  constructor(watched: WatchedRun, trace: Trace) {
    this.#trace = trace;
    this.#watched = watched;
    const fail = (violation: string): void => this.fail(violation);
    this.checkpoints = new CheckpointCheck(watched, this.#dead, fail);
  }

  fail(violation: string): void {
    if (this.violations.length < 10) this.violations.push(violation);
  }

  stored(stream: Storage, message: StoredMessage): void {
    if (message.subject.includes('.progress.')) {
      const progress = progressOf(JSON.parse(message.data.toString()) as RunProgress);
      const { state, fence, holder = 'nobody', ledger } = progress;
      const { watermark, next, settledAbove } = ledger;
      const above = JSON.stringify(settledAbove);
      this.#trace.note(
        'ledger',
        `${state}: settled to ${watermark} and ${above}, sent to ${next}`,
        {
          fence,
          holder: holder.split(' ')[1] ?? holder,
        },
      );
      this.checkpoints.written(progress);
      const fault = this.#watched.scenario.hooks.faultOf(progress);
      if (fault !== undefined) this.fail(fault);
      return;
    }
    const stage = stageOf(stream);
    if (message.subject.endsWith('.settled')) {
      this.#dead.confirm(message.data.toString());
    } else if (stage === 'dead') {
      this.#dead.add(message.data.toString());
    } else if (stage === 'receipts') {
      for (const chunk of receiptsIn(message)) this.#receipts.add(chunk);
    } else {
      const chunk = headerOf(message.headers, 'Leat-Chunk');
      if (chunk !== undefined) this.#addChunk(stage, chunk);
    }
  }

  #addChunk(stage: string, chunk: string): void {
    this.#chunks.add(`${stage} ${chunk}`);
    const { spec } = this.#watched.scenario.pipeline;
    const isKnown = spec.stages.some(({ name }) => name === stage);
    if (!isKnown || !canReach(spec, stage, chunk)) {
      this.fail(`${stage} was sent chunk ${chunk}, which cannot be by the run's graph`);
    }
  }

  /** Told what a replica says that has another graph in its file: it must pass on nothing. */
  saidByStranger(who: string, { subject, data }: Packet): void {
    const isPassedOn = subject.startsWith('leat.') || subject.includes('.progress.');
    const isSettled = subject.startsWith('$JS.ACK.') && /^(?:\+ACK)?$/.test(data.toString());
    if (isPassedOn) this.fail(`${who} has another graph, and has written to ${subject}`);
    if (isSettled) this.fail(`${who} has another graph, and has acknowledged a message`);
  }

  acknowledged(stream: Storage, message: StoredMessage, deliveries: number): void {
    const stage = stageOf(stream);
    if (stage === 'receipts') {
      if (deliveries >= MAX_PREMATURE_DELIVERIES) return;
      for (const chunk of receiptsIn(message)) {
        if (!this.checkpoints.hasReceipt(chunk)) {
          this.fail(`the receipt of chunk ${chunk} was acknowledged and is in no checkpoint`);
        }
      }
      return;
    }
    const chunk = headerOf(message.headers, 'Leat-Chunk');
    // Parts stay where they are.
    if (chunk === undefined || !stream.isQueue || this.#hasReceipt(chunk)) return;
    if (!this.#isPassedOn(stage, chunk))
      this.fail(`${stage} acknowledged chunk ${chunk}, of which nothing is stored`);
  }

  /** Parts go when what they make up together is stored, or the run is over. */
  purged(stream: Storage, message: StoredMessage): void {
    const stage = stageOf(stream);
    const { spec } = this.#watched.scenario.pipeline;
    const isOver =
      isEnded(this.checkpoints.last?.state ?? 'pending') || this.#watched.mayBeCancelled;
    if (isOver || !spec.stages.some(({ name, join }) => name === stage && join !== undefined))
      return;
    const forked =
      message.subject.split('.').at(-1)?.replace(/\+.*/, '').replaceAll('_', '.') ?? '';
    if (this.#hasReceipt(forked) || this.#isPassedOn(stage, forked)) return;
    this.fail(`${stage} removed parts of chunk ${forked}, of which nothing is stored`);
  }

  /** What must hold when the run has ended and everybody has calmed down. */
  checkEnd(): void {
    checkEnd(this.#watched, this.checkpoints, this.#dead, (violation) => this.fail(violation));
  }

  /** Whether all readers have it: on their queues, or, of inline ones, what they made of it. */
  #isPassedOn(stage: string, chunk: string): boolean {
    const { spec } = this.#watched.scenario.pipeline;
    // Where nothing is left in a branch, the join is told.
    const join = regionsAround(spec, stage).at(-1)?.join;
    if (join !== undefined && this.#isStored(join, chunk)) return true;
    const has = ({ name, inline }: StageSpec): boolean =>
      inline === true ? this.#isPassedOn(name, chunk) : this.#isStored(name, chunk);
    // Of a route a branch may be empty.
    return outputsOf(spec.stages.find(({ name }) => name === stage) ?? { name: stage })
      .map((output) => readersOf(spec, output))
      .some((readers) => readers.length > 0 && readers.every(has));
  }

  #isStored(stage: string, chunk: string): boolean {
    if (this.#chunks.has(`${stage} ${chunk}`)) return true;
    for (const each of this.#chunks) if (each.startsWith(`${stage} ${chunk}.`)) return true;
    return false;
  }

  #hasReceipt(chunk: string): boolean {
    if (this.#receipts.has(chunk)) return true;
    for (const each of this.#receipts) if (each.startsWith(`${chunk}.`)) return true;
    return false;
  }
}

function stageOf({ config: { name } }: Storage): string {
  return name.slice(name.lastIndexOf('_') + 1);
}

function receiptsIn({ data }: StoredMessage): string[] {
  const lines = data.toString().split('\n');
  return lines.flatMap((line) => parseReceipt(line)?.chunk ?? []);
}
