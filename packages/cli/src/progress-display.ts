import { clearLine, cursorTo } from 'node:readline';
import type { RunReport } from '@leat/core';
import type { Logger } from '@leat/sdk/internal';
import { clock, Pace, progressLine } from './progress-line.ts';

/** How often the log tells how far a run has come, where there is no terminal. */
const LOG_EVERY_MS = 5_000;

let drawn: ProgressDisplay | undefined;

/** Takes away whatever is drawn on the terminal, so that a line can be written. */
export function clearDrawing(): void {
  drawn?.clear();
}

/** Shows a run's progress: a line that is drawn over on a terminal, a log line now and then elsewhere. */
export class ProgressDisplay {
  readonly #logger: Logger;
  readonly #pace = new Pace();
  readonly #isTerminal = process.stderr.isTTY;
  #loggedAt = performance.now();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  show(report: RunReport): void {
    const now = performance.now();
    this.#pace.add(report, now);
    if (this.#isTerminal) {
      this.clear();
      process.stderr.write(progressLine(report, this.#pace, process.stderr.columns - 1));
      drawn = this;
    } else if (now - this.#loggedAt >= LOG_EVERY_MS) {
      this.#loggedAt = now;
      this.#logger.info(
        {
          run: report.run,
          records: report.records.saved,
          chunks: report.chunks.saved,
          inFlight: report.chunks.inFlight,
          percent: report.fraction === null ? null : Math.floor(report.fraction * 100),
          perSecond: Math.round(this.#pace.rate),
          eta: clock(this.#pace.remainingMs),
          retries: report.retries,
          dead: report.records.dead,
        },
        'progress',
      );
    }
  }

  /** Takes the line away, so that something else can be written. */
  clear(): void {
    if (drawn !== this) return;
    clearLine(process.stderr, 0);
    cursorTo(process.stderr, 0);
    drawn = undefined;
  }
}
