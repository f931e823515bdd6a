import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import type { Clock, Owner } from './clock.ts';
import type { Random } from './random.ts';

/** A timer of the virtual clock, shaped like Node's. */
class VirtualTimer {
  isOver = false;

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

type Callback = (...args: unknown[]) => void;

function clear(timer?: VirtualTimer): void {
  if (timer !== undefined) timer.isOver = true;
}

/**
 * Puts the virtual clock, the seeded generator and the simulated processes in the place of the globals,
 * until the returned function is called.
 */
export function installGlobals(
  clock: Clock,
  random: Random,
  isAlive: (pid: number) => boolean,
): () => void {
  const owner = (): Owner | undefined => clock.current;
  const once = (callback: Callback, delayMs = 0, ...args: unknown[]): VirtualTimer => {
    const timer = new VirtualTimer();
    clock.after(Math.max(1, delayMs), owner(), () => timer.isOver || callback(...args));
    return timer;
  };
  const again = (callback: Callback, delayMs = 0, ...args: unknown[]): VirtualTimer => {
    const timer = new VirtualTimer();
    const mine = owner();
    const tick = (): void => {
      if (timer.isOver) return;
      clock.after(Math.max(1, delayMs), mine, tick);
      callback(...args);
    };
    clock.after(Math.max(1, delayMs), mine, tick);
    return timer;
  };
  const RealDate = Date;
  class VirtualDate extends RealDate {
    constructor(...given: ConstructorParameters<DateConstructor> | []) {
      if (given.length === 0) super(clock.dateMs);
      else super(...given);
    }

    static override now(): number {
      return Math.floor(clock.dateMs);
    }
  }
  const undo = [
    // Errors are part of the game here, and their stacks cost a tenth of the time.
    replace(Error, 'stackTraceLimit', 0),
    replace(globalThis, 'setTimeout', once),
    replace(globalThis, 'setInterval', again),
    replace(globalThis, 'clearTimeout', clear),
    replace(globalThis, 'clearInterval', clear),
    replace(globalThis, 'Date', VirtualDate),
    replace(performance, 'now', () => clock.now),
    replace(Math, 'random', () => random.next()),
    replace(process, 'kill', (pid: number) => {
      if (isAlive(pid)) return true;
      throw Object.assign(new Error('no such process'), { code: 'ESRCH' });
    }),
    replace(crypto, 'randomUUID', () => uuidOf(random)),
    replaceBy(process, 'pid', () => clock.current?.pid ?? 1),
  ];
  // Whoever has imported a function by its name sees the other one from now on.
  syncBuiltinESMExports();
  return () => {
    for (const step of undo) step();
    syncBuiltinESMExports();
  };
}

function uuidOf(random: Random): string {
  const digits = Array.from({ length: 32 }, () => random.between(0, 15).toString(16)).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function replace(target: object, name: string, value: unknown): () => void {
  return define(target, name, { configurable: true, writable: true, value });
}

function replaceBy(target: object, name: string, get: () => unknown): () => void {
  return define(target, name, { configurable: true, get });
}

function define(target: object, name: string, descriptor: PropertyDescriptor): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, descriptor);
  return () => {
    if (before === undefined) delete (target as Record<string, unknown>)[name];
    else Object.defineProperty(target, name, before);
  };
}
