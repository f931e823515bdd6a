import type { RunReport } from '@leat/core';
import type { Instruments } from './instruments.ts';

/** Shows the run that a fetcher conducts, for as long as it does. */
export class RunGauges {
  readonly #instruments: Instruments;
  #settled = '';

  constructor(instruments: Instruments) {
    this.#instruments = instruments;
    this.lease(undefined);
  }

  /** @param fence undefined if no run is conducted */
  lease(fence: number | undefined): void {
    const { leaseHeld, runFence, runPaused, runProgress, runSettled, windowChunks } =
      this.#instruments;
    leaseHeld.set(fence === undefined ? 0 : 1);
    this.#settled = '';
    if (fence !== undefined) {
      runFence.set(fence);
      return;
    }
    for (const gauge of [runFence, runPaused, runProgress, runSettled, windowChunks])
      gauge.remove();
    this.#instruments.runChunks.reset();
    this.#instruments.runRecords.reset();
  }

  /** @param chunks how many may be in flight */
  window(chunks: number): void {
    this.#instruments.windowChunks.set(chunks);
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
