import type { RunReport } from '@leat/core';
import type { Instruments } from './instruments.ts';

/** Shows the run that a fetcher conducts, for as long as it does. */
export class RunGauges {
  readonly #instruments: Instruments;
  #settled = '';

  /** @param window how many chunks may be in flight */
  constructor(instruments: Instruments, window: number) {
    this.#instruments = instruments;
    instruments.windowChunks.set(window);
    this.lease(undefined);
  }

  /** @param fence undefined if no run is conducted */
  lease(fence: number | undefined): void {
    const { leaseHeld, runFence, runPaused, runProgress, runSettled } = this.#instruments;
    leaseHeld.set(fence === undefined ? 0 : 1);
    this.#settled = '';
    if (fence !== undefined) {
      runFence.set(fence);
      return;
    }
    for (const gauge of [runFence, runPaused, runProgress, runSettled]) gauge.remove();
    this.#instruments.runChunks.reset();
    this.#instruments.runRecords.reset();
  }

  /** @param now seconds since 1970 */
  show({ state, chunks, records, fraction }: RunReport, now: number): void {
    const { runPaused, runChunks, runRecords, runProgress, runSettled } = this.#instruments;
    runPaused.set(state === 'paused' ? 1 : 0);
    runChunks.set({ state: 'saved' }, chunks.saved);
    runChunks.set({ state: 'dead' }, chunks.dead);
    runChunks.set({ state: 'in-flight' }, chunks.inFlight);
    for (const [name, count] of Object.entries(records)) runRecords.set({ state: name }, count);
    if (fraction === null) runProgress.remove();
    else runProgress.set(fraction);
    const settled = `${state} ${chunks.saved + chunks.dead} ${records.saved + records.filtered}`;
    if (settled !== this.#settled) runSettled.set(now);
    this.#settled = settled;
  }
}
