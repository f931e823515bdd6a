import type { RedriveInFlight, Redrives } from '@leat/core';
import { demandResends } from './resends.ts';

/** The part of a run's books that says which records are tried again; see `Redrives` for the steps. */
export class RedriveBooks {
  readonly #redrives: Redrives;
  readonly #onChange: () => void;

  constructor(redrives: Redrives, onChange: () => void) {
    this.#redrives = redrives;
    this.#onChange = onChange;
  }

  /** How many records are on their way, or settled and not forgotten. */
  get size(): number {
    return this.#redrives.size;
  }

  /** Whether records are waited for. */
  get areInFlight(): boolean {
    return this.#redrives.inFlight().next().done !== true;
  }

  /** Whether records are waited for, or settled and not forgotten. */
  get areUnderWay(): boolean {
    return this.areInFlight || this.#redrives.settled().size > 0;
  }

  /** Records of which receipts are waited for. */
  inFlight(): Iterable<RedriveInFlight> {
    return this.#redrives.inFlight();
  }

  /** Records that are settled, by their ids, and where their letters stand. */
  settled(): ReadonlyMap<string, number> {
    return this.#redrives.settled();
  }

  /**
   * Enters a record that is to be sent after the next checkpoint.
   *
   * @returns `false` if it is entered already from this letter, by an earlier fetcher
   */
  add(record: string, letter: number): boolean {
    if (this.#redrives.has(record, letter)) return false;
    this.#redrives.add(record, letter);
    this.#onChange();
    return true;
  }

  /**
   * Notes that a lost record is about to be sent again.
   *
   * @returns how often it was; `undefined` if it is settled or forgotten by now
   * @throws LeatError `run-failed` if it has been lost too often
   */
  resend(record: string): number | undefined {
    const resends = this.#redrives.resend(record);
    if (resends === 0) return undefined;
    demandResends(`The redriven record ${record}`, resends);
    return resends;
  }

  /** Notes that JetStream has a record. */
  stored(record: string): void {
    this.#redrives.sent(record, performance.now());
  }

  /** To be called when their letters are gone, or when they can never be settled. */
  forget(records: Iterable<string>): void {
    for (const record of records) {
      this.#redrives.forget(record);
      this.#onChange();
    }
  }
}
