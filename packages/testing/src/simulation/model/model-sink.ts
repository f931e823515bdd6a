import { LeatError } from '@leat/core';
import {
  admitToSink,
  type Committed,
  type Sink,
  type SinkContext,
  type SinkSession,
} from '@leat/sdk';
import type { Clock } from '../clock.ts';
import { ModelTable, type TableFlaws } from './model-table.ts';
import type { Random } from '../random.ts';
import type { SimulatedProcess } from '../simulated-process.ts';

function notUsed(): never {
  throw new Error('savers do not read');
}

function tried<T>(action: () => T): { readonly result: T } | { readonly error: Error } {
  try {
    return { result: action() };
  } catch (error) {
    return { error: error as Error };
  }
}

/** How a sink can be wrong; for planted bugs. */
export interface SinkFlaws extends TableFlaws {
  /** Says that it has committed what it has only heard. */
  readonly answersBeforeCommit?: boolean;
  /** Tells tables apart by nothing. */
  readonly hasOneTable?: boolean;
  /** Admits any run of an id to what it has of another. */
  readonly admitsAnybody?: boolean;
}

/**
 * A database that savers share: data and receipt are committed together, keyed by place (a table or a
 * folder), run id, saver and chunk id; and it has a claim for each run, as the real sinks have.
 */
export class ModelSink {
  /** Whether it can be reached. */
  isAway = false;
  /** Whether what it is asked is not answered, as where a table is locked: it is done when it is not locked any more. */
  isLocked = false;
  /** What waits until it is not locked any more. */
  #locked: (() => void)[] = [];
  /** How often an answer is lost after the commit. */
  lossRate = 0;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #flaws: SinkFlaws;
  /** By place and run id. */
  readonly #tables = new Map<string, ModelTable[]>();

  constructor(clock: Clock, random: Random, flaws: SinkFlaws) {
    this.#clock = clock;
    this.#random = random;
    this.#flaws = flaws;
  }

  /** What is kept of a run id in one place. */
  tablesAt(place: string, run: string): readonly ModelTable[] {
    return this.#tables.get(this.#keyOf(place, run)) ?? [];
  }

  /** What is kept of a run id and saver, in all places. */
  tablesOf(run: string, saver: string): readonly ModelTable[] {
    return [...this.#tables]
      .filter(([key]) => key.endsWith(` ${run}`))
      .flatMap(([, tables]) => tables.filter((table) => table.saver === saver));
  }

  /** @param isLost whether what waits is never answered, and not done either */
  unlock(isLost: boolean): void {
    this.isLocked = false;
    const locked = this.#locked.splice(0);
    if (!isLost) for (const act of locked) act();
  }

  /** Puts all fences ahead, as a fetcher does whose clock is: the runs' own are behind from now on. */
  putFencesAhead(byMs: number): void {
    for (const table of [...this.#tables.values()].flat()) table.fence += byMs;
  }

  sinkAt(place: string): Sink {
    return {
      kind: 'model',
      open: async (context) => {
        const admitted = await this.#call(() => this.#admit(place, context));
        return this.#session(place, admitted, context);
      },
    };
  }

  /** Refuses another run of the same id before anything is changed; a session that only reads changes nothing. */
  #admit(place: string, context: SinkContext): { table: ModelTable; text: string; mark: string } {
    const { run, stage, fence } = context;
    const tables = this.tablesAt(place, run.id);
    const isChecked = this.#flaws.admitsAnybody !== true;
    // As in a table of records, which are told apart by the run's id alone, whichever saver wrote them.
    for (const { claim, saver } of isChecked ? tables : []) {
      admitToSink(claim, { ...context, stage: saver });
    }
    const known = tables.find(({ saver }) => saver === stage);
    const table = known ?? new ModelTable(stage);
    const isFresh = isChecked || table.claim === undefined;
    const { text, mark } = isFresh
      ? admitToSink(table.claim, context)
      : { text: table.claim ?? '', mark: table.mark ?? '' };
    if (fence !== undefined) {
      table.claim = text;
      table.fence = Math.max(fence, table.fence);
      if (known === undefined) this.#tables.set(this.#keyOf(place, run.id), [...tables, table]);
    }
    return { table, text, mark };
  }

  #session(
    place: string,
    { table, text, mark }: { table: ModelTable; text: string; mark: string },
    context: SinkContext,
  ): SinkSession {
    const { fence = -1 } = context;
    return {
      identity: { mark, place },
      commit: (chunks) => {
        const process = this.#clock.current;
        const commitAll = (): Committed[] => {
          if (table.claim !== text) admitToSink(table.claim, context);
          const isOurs = table.claim === text && fence >= table.fence;
          if (isOurs) return chunks.map((chunk) => table.commit(chunk, context, this.#flaws));
          const sentence = `The sink has the fence ${table.fence}, this is ${fence}.`;
          throw new LeatError('fenced', sentence, { fence: table.fence });
        };
        if (this.#flaws.answersBeforeCommit !== true) return this.#call(commitAll);
        this.#clock.after(2_000, process, () => unheard(commitAll));
        return this.#call(() => chunks.map(({ receipt }) => ({ receipt, isDuplicate: false })));
      },
      receipts: async function* (this: ModelSink) {
        yield* await this.#call(() => table.receipts());
      }.bind(this),
      read: notUsed,
      close: () => Promise.resolve(),
    };
  }

  #keyOf(place: string, run: string): string {
    return this.#flaws.hasOneTable === true ? `the table ${run}` : `${place} ${run}`;
  }

  /** One request of the current process: there, done all at once, and back. */
  #call<T>(action: () => T): Promise<T> {
    const process = this.#clock.current as SimulatedProcess;
    return new Promise((resolve, reject) => {
      if (!process.mayAct()) return;
      const back = (answer: () => void): void =>
        this.#clock.after(this.#random.between(0, 10), process, answer);
      const act = (): void => {
        if (this.isLocked) {
          this.#locked.push(act);
          return;
        }
        if (this.isAway) {
          back(() => reject(new Error('the sink cannot be reached')));
          return;
        }
        const answer = tried(action);
        if (this.#random.chance(this.lossRate)) back(() => reject(new Error('connection reset')));
        else back(() => ('error' in answer ? reject(answer.error) : resolve(answer.result)));
      };
      this.#clock.after(this.#random.between(0, 20), undefined, act);
    });
  }
}

/** Who was told before that it is done does not hear that another fetcher's fence kept it out. */
function unheard(commit: () => unknown): void {
  try {
    commit();
  } catch (error) {
    if (!(error instanceof LeatError)) throw error;
  }
}
