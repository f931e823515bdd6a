import { LeatError } from '@leat/core';
import { Clock } from './clock.ts';
import type { Random } from './random.ts';
import { SimulatedProcess } from './simulated-process.ts';
import { installGlobals } from './virtual-globals.ts';

/** The longest that it may take, in virtual time. */
const MOST_MS = 100 * 3_600_000;
/** Turns of the real event loop that work may take which waits for nothing but itself. */
const MOST_TURNS = 50;

const realSetImmediate = globalThis.setImmediate;

/** What came of work in virtual time, and how long it took. */
export interface InVirtualTime<T> {
  readonly result: T;
  readonly tookMs: number;
}

/**
 * Does work in virtual time, with nothing beside it.
 *
 * @param name what is done, for the error message
 * @throws LeatError `invalid-pipeline` if it waits for something that is no timer
 */
export async function inVirtualTime<T>(
  name: string,
  random: Random,
  work: () => Promise<T>,
): Promise<InVirtualTime<T>> {
  const clock = new Clock();
  const process = new SimulatedProcess(clock, name, 1);
  const ends: ({ readonly result: T } | { readonly error: unknown })[] = [];
  const restore = installGlobals(clock, random, () => true);
  let tookMs = 0;
  try {
    process.start(
      async () => {
        ends.push({ result: await work() });
        tookMs = clock.now;
      },
      (error) => ends.push({ error }),
    );
    for (let turn = 0; turn < MOST_TURNS && ends.length === 0; turn++) {
      await clock.run(() => ends.length > 0 || clock.now >= MOST_MS, MOST_MS);
      await new Promise((resolve) => realSetImmediate(resolve));
    }
  } finally {
    restore();
  }
  const [end] = ends;
  if (end === undefined) throw stuck(name);
  if ('error' in end) throw end.error;
  return { result: end.result, tookMs };
}

function stuck(name: string): LeatError {
  return new LeatError(
    'invalid-pipeline',
    `${name} waits for something other than a timer (a network, a file, another process), or for more than 100 hours: in a simulation time is virtual, so give the function a stand-in that answers by itself.`,
  );
}
