import type { RunReport } from '@leat/core';
import { wait } from '@leat/runtime';

const REPORT_MS = 200;

/**
 * Tells a few times a second how far a run has come, until it is over.
 *
 * @param report its report, or `false` as long as it is not known whether the run may go on
 * @param onProgress absent if nobody wants to know
 */
export async function tellProgress(
  report: () => RunReport | false,
  onProgress: ((report: RunReport) => void) | undefined,
  over: AbortSignal,
): Promise<void> {
  if (onProgress === undefined) return;
  while (!over.aborted) {
    const now = report();
    if (now !== false) onProgress(now);
    await wait(REPORT_MS, over).catch(() => undefined);
  }
}
