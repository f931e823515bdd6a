import { Worker } from 'node:worker_threads';

/** How often the main thread beats, and how often it is looked whether it did. */
export const PULSE_MS = 500;

/** By its place in the shared memory: a number that grows while the main thread is not blocked. */
export const PULSE = 0;
/** When the process has to end, in milliseconds after the guard has seen it; 0 as long as nobody has asked for it. */
export const END_WITHIN_MS = 1;

/** The function of the main thread that the guard has called in the midst of whatever blocks it. */
export const DEAFEN = 'leat.stop-guard.deafen';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Told that the process has to end, and within what time. */
export type EndWithin = (ms: number) => void;

/**
 * Sees to it that a stop ends the process although a function of the user blocks its thread, from a thread beside it.
 * Signals are heard by the main thread alone. While that is blocked, its listeners are taken away through the
 * inspector, which interrupts whatever runs; then the system does with the process what it does without listeners,
 * and ends it. A blocked process that was asked to end before is ended when its time is over.
 */
export function guardStops(): EndWithin {
  const memory = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  let taken: (() => void)[] = [];
  Object.defineProperty(globalThis, Symbol.for(DEAFEN), {
    value: () => {
      for (const signal of SIGNALS) {
        const listeners = process.listeners(signal);
        process.removeAllListeners(signal);
        taken.push(() => {
          for (const listener of listeners) process.on(signal, listener);
        });
      }
    },
  });
  setInterval(() => {
    Atomics.add(memory, PULSE, 1);
    for (const giveBack of taken) giveBack();
    taken = [];
  }, PULSE_MS).unref();
  const guard = new Worker(new URL('./stop-guard-thread.js', import.meta.url), {
    workerData: memory,
    name: 'leat-stop-guard',
    // The thread must start whatever flags the process was started with.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 16 },
  });
  guard.unref();
  // Without it a stop is as good as it can be on one thread.
  guard.on('error', () => undefined);
  return (ms) => void Atomics.store(memory, END_WITHIN_MS, Math.max(1, ms));
}
