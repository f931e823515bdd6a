import { writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { workerData } from 'node:worker_threads';
import { DEAFEN, END_WITHIN_MS, PULSE, PULSE_MS } from './stop-guard.ts';

/** So long a function blocks the main thread before the process ends at the next signal. */
const DEAF_AFTER_MS = 5_000;

const memory = workerData as Int32Array;
let pulse: number | undefined;
let blockedMs = 0;
let waitedMs = 0;

// Looks are counted rather than time: a machine that sleeps, or a process that is stopped, is not blocked.
setInterval(() => {
  const now = Atomics.load(memory, PULSE);
  blockedMs = now === pulse ? blockedMs + PULSE_MS : 0;
  pulse = now;
  if (blockedMs === DEAF_AFTER_MS) deafen();
  const endWithinMs = Atomics.load(memory, END_WITHIN_MS);
  if (endWithinMs === 0) return;
  waitedMs += PULSE_MS;
  if (waitedMs >= endWithinMs && blockedMs >= 2 * PULSE_MS) end();
}, PULSE_MS);

/** Takes the listeners for signals away; the main thread takes them back as soon as it is not blocked. */
function deafen(): void {
  const session = new Session();
  session.connectToMainThread();
  const expression = `globalThis[Symbol.for(${JSON.stringify(DEAFEN)})]()`;
  session.post('Runtime.evaluate', { expression }, () => session.disconnect());
}

function end(): void {
  try {
    writeSync(
      2,
      'leat: the process was asked to stop and is blocked by a function that does not return: it ends now, and what it had in hand comes again. Work that takes so long belongs into "threads", and "timeoutMs" ends what never returns.\n',
    );
  } catch {
    // Nobody reads it.
  }
  process.kill(process.pid, 'SIGKILL');
}
