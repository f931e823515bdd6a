import { clearLine, cursorTo } from 'node:readline';
import { Pace, type RunReport } from '@leat/core';
import type { Logger } from '@leat/runtime';
import { clock, progressLine } from './progress-line.ts';

/** How often the log tells how far a run has come, where there is no terminal. */
const LOG_EVERY_MS = 5_000;

/** Whether there is a progress line on the terminal; there is only one terminal. */
let isDrawn = false;

/** Takes the progress line away, so that something else can be written. */
export function clearProgress(): void {
  if (!isDrawn) return;
  isDrawn = false;
  clearLine(process.stderr, 0);
  cursorTo(process.stderr, 0);
}

/** Shows a run's progress: a line that is drawn over on a terminal, a log line now and then elsewhere. */
export class ProgressDisplay {
  readonly #logger: Logger;
  readonly #pace = new Pace();
  /** A dumb terminal cannot draw over a line. */
  readonly #isTerminal = process.stderr.isTTY && process.env['TERM'] !== 'dumb';
  #loggedAt = performance.now();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  show(report: RunReport): void {
    const now = performance.now();
    this.#pace.add(report, now);
    if (this.#isTerminal) {
      clearProgress();
      process.stderr.write(progressLine(report, this.#pace.estimate, process.stderr.columns - 1));
      isDrawn = true;
    } else if (now - this.#loggedAt >= LOG_EVERY_MS) {
      this.#loggedAt = now;
      this.#logger.info(
        {
          run: report.run,
          records: report.records.saved,
          chunks: report.chunks.saved,
          inFlight: report.chunks.inFlight,
          percent: report.fraction === null ? null : Math.floor(report.fraction * 100),
          perSecond: Math.round(this.#pace.estimate.recordsPerSecond),
          eta: clock(this.#pace.estimate.remainingMs),
          retries: report.retries,
          dead: report.records.dead,
        },
        'progress',
      );
    }
  }
}
