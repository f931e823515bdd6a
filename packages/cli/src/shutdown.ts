import { EXIT } from './exit-code.ts';
import { leave } from './output.ts';
import { type EndWithin, guardStops } from './stop-guard.ts';

/** How long the second request leaves for giving back what is in hand. */
const LEAVE_MS = 500;

/** How a command is asked to end. */
export interface Shutdown {
  /** Aborted by the first Ctrl-C or SIGTERM: finish what is in hand. */
  readonly stop: AbortSignal;
  /** Aborted by the second: leave everything. */
  readonly abort: AbortSignal;
}

/**
 * Turns Ctrl-C and SIGTERM into the two stages of a shutdown, for as long as the process lives.
 *
 * @param graceMs how long after the first request the second stage begins by itself; without it, never
 * @param endWithin told when the process has to end, should a function block it by then
 */
export function listenForShutdown(
  say: (line: string) => void,
  graceMs?: number,
  endWithin: EndWithin = () => undefined,
): Shutdown {
  const stop = new AbortController();
  const abort = new AbortController();
  const hurry = (line: string): void => {
    if (abort.signal.aborted) return;
    say(line);
    endWithin(LEAVE_MS);
    abort.abort();
    // It waits for nobody: what was started beside us is stopped by its own watchdog.
    setTimeout(() => leave(EXIT.interrupted), LEAVE_MS);
  };
  const onSignal = (): void => {
    if (stop.signal.aborted) return hurry('stopping at once');
    say('stopping: what is in hand is finished first; once more to stop at once');
    if (graceMs !== undefined) endWithin(graceMs + LEAVE_MS);
    stop.abort();
    if (graceMs === undefined) return;
    const line = `not finished after ${graceMs} ms: what is in hand is given back`;
    setTimeout(() => hurry(line), graceMs).unref();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return { stop: stop.signal, abort: abort.signal };
}

/** The same for a process that runs the user's functions: it ends also while one of them blocks it. */
export function listenForGuardedShutdown(
  say: (line: string) => void,
  graceMs: number | undefined,
): Shutdown {
  return listenForShutdown(say, graceMs, guardStops());
}
