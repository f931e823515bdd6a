import { messageOf } from '@leat/core';
import { wait } from '@leat/runtime';
import { ACTS, type World } from './faults.ts';
import type { Plan, Strike } from './plan.ts';

/** A strike that was made. */
export interface Struck {
  readonly strike: Strike;
  /** Why it hit nothing: the stream was not there, say. */
  readonly missed?: string;
}

/** Servers are struck one after the other; a replica can be killed while it is frozen. */
const SUBJECTS = ['server', 'storage', 'postgres', 'table'];

/**
 * Carries out a plan. When the run is over, what has not happened yet does not happen, and what lasts is
 * taken back; then it returns.
 */
export async function unleash(plan: Plan, world: World, over: AbortSignal): Promise<Struck[]> {
  const struck: Struck[] = [];
  const turns = new Map<string, Promise<void>>();
  await Promise.all(
    plan.strikes.map(async (strike) => {
      await wait(strike.atMs, over).catch(() => undefined);
      const act = async (): Promise<void> => {
        if (over.aborted) return;
        try {
          await ACTS[strike.fault](world, strike, over);
          struck.push({ strike });
        } catch (error) {
          struck.push({ strike, missed: messageOf(error) });
        }
      };
      const subject = SUBJECTS.find((each) => strike.fault.endsWith(each));
      if (subject === undefined) return act();
      const key = ['postgres', 'table'].includes(subject) ? 'postgres' : 'server';
      const turn = (turns.get(key) ?? Promise.resolve()).then(act);
      turns.set(key, turn);
      return turn;
    }),
  );
  return struck;
}
