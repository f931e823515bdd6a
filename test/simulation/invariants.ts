import { parseReceipt, readersOf, reportOf, type RunProgress, type RunRequest } from '@leat/core';
import { CheckpointCheck } from './checkpoint-check.ts';
import type { ModelSink } from './model-sink.ts';
import type { Observer, Storage, StoredMessage } from './model-types.ts';
import { headerOf } from './model-wire.ts';
import type { Scenario } from './scenario.ts';
import type { Trace } from './trace.ts';

/** A receipt that has come so often, always for a chunk that was never sent, may be dropped. */
const MAX_PREMATURE_DELIVERIES = 240;

/** Watches a run from the server's side, and says what must not have happened. */
export class Invariants implements Observer {
  readonly violations: string[] = [];
  readonly checkpoints: CheckpointCheck;
  readonly #trace: Trace;
  readonly #scenario: Scenario;
  readonly #sink: ModelSink;
  /** Whatever was stored at any time: chunks as `stage id`, receipts as ids, dead letters as `stage n`. */
  readonly #chunks = new Set<string>();
  readonly #receipts = new Set<string>();
  readonly #dead = new Set<string>();

  constructor(scenario: Scenario, sink: ModelSink, trace: Trace) {
    this.#trace = trace;
    this.#scenario = scenario;
    this.#sink = sink;
    const fail = (violation: string): void => this.fail(violation);
    this.checkpoints = new CheckpointCheck(scenario, sink, this.#dead, fail);
  }

  fail(violation: string): void {
    if (this.violations.length < 10) this.violations.push(violation);
  }

  stored(stream: Storage, message: StoredMessage): void {
    if (message.subject.includes('.progress.')) {
      const progress = JSON.parse(message.data.toString()) as RunProgress;
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
      return;
    }
    const stage = stageOf(stream);
    if (message.subject.endsWith('.settled')) {
      // Which executions' letters count: nothing is held to it.
    } else if (stage === 'dead') {
      const letter = JSON.parse(message.data.toString()) as { stage: string; record: string };
      this.#dead.add(`${letter.stage} ${(JSON.parse(letter.record) as { n: number }).n}`);
    } else if (stage === 'receipts') {
      for (const chunk of receiptsIn(message)) this.#receipts.add(chunk);
    } else {
      const chunk = headerOf(message.headers, 'Leat-Chunk');
      if (chunk !== undefined) this.#chunks.add(`${stage} ${chunk}`);
    }
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
    if (chunk === undefined || this.#hasReceipt(chunk)) return;
    const readers = readersOf(this.#scenario.pipeline.spec, stage);
    const isPassedOn =
      readers.length > 0 && readers.every(({ name }) => this.#isStored(name, chunk));
    if (!isPassedOn) this.fail(`${stage} acknowledged chunk ${chunk}, of which nothing is stored`);
  }

  /** What must hold when the run has ended and everybody has calmed down. */
  checkEnd(request: RunRequest): void {
    const { scenario, wanted } = { scenario: this.#scenario, wanted: this.#wantedLines() };
    const progress = this.checkpoints.last;
    const report = reportOf(request, progress);
    const savers = scenario.pipeline.stages.filter(({ kind }) => kind === 'saver');
    for (const { name } of savers) {
      const found = this.#sink.lines(name).toSorted();
      const isSame = found.join('\n') === wanted.toSorted().join('\n');
      if (!isSame)
        this.fail(`${name} holds ${found.length} records, not the ${wanted.length} wanted`);
    }
    const expect = (what: string, found: unknown, should: unknown): void => {
      if (found !== should) this.fail(`${what}: ${String(found)}, should be ${String(should)}`);
    };
    const { records, chunks, state } = report;
    const isDeadly = scenario.dead.size > 0;
    expect('state', state, isDeadly ? 'completed with dead letters' : 'completed');
    expect('records in', records.in, scenario.records);
    expect('records saved', records.saved, wanted.length * savers.length);
    expect('records filtered', records.filtered, scenario.filtered);
    expect('records dead', records.dead, scenario.dead.size);
    const { expanded, saved, filtered, dead } = records;
    expect('in + expanded', records.in + expanded, saved + filtered + dead);
    expect('chunks', chunks.saved + chunks.dead, Math.ceil(scenario.records / scenario.chunkSize));
    expect('chunks in flight', chunks.inFlight, 0);
    expect('dead letters', [...this.#dead].toSorted().join(), [...scenario.dead].toSorted().join());
  }

  #wantedLines(): string[] {
    const { records, chunkSize, linesOf } = this.#scenario;
    const count = Math.ceil(records / chunkSize);
    return Array.from({ length: count }, (_, seq) => linesOf(seq)).flat();
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
