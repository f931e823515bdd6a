import { AsyncLocalStorage } from 'node:async_hooks';

const world = new AsyncLocalStorage<true>();

/** Lets something happen in virtual time, and all that follows from it. */
export function inside<T>(action: () => T): T {
  return world.run(true, action);
}

/** Whether the code that runs belongs to the simulation. */
export function isInside(): boolean {
  return world.getStore() === true;
}
