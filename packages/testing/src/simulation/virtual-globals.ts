import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import type { Clock, Owner } from './clock.ts';
import { isInside } from './inside.ts';
import { Random } from './random.ts';

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
type Method = (...args: never[]) => unknown;

/** Bytes have a generator of their own: they are few, and need not be other ones in each seed. */
const BYTES_SEED = 7;

/**
 * Puts the virtual clock, the seeded generator and the simulated processes in the place of the globals, for
 * what happens {@link inside} and for nothing else, until the returned function is called.
 */
export function installGlobals(
  clock: Clock,
  random: Random,
  isAlive: (pid: number) => boolean,
): () => void {
  const { once, again, clear } = timersOf(clock);
  const kill = (pid: number): true => {
    if (isAlive(pid)) return true;
    throw Object.assign(new Error('no such process'), { code: 'ESRCH' });
  };
  const undo = [
    replaceInside(globalThis, 'setTimeout', once),
    replaceInside(globalThis, 'setInterval', again),
    replaceInside(globalThis, 'clearTimeout', clear),
    replaceInside(globalThis, 'clearInterval', clear),
    replace(globalThis, 'Date', virtualDate(clock)),
    replaceInside(performance, 'now', () => clock.now),
    replaceInside(Math, 'random', () => random.next()),
    replaceInside(process, 'kill', kill),
    replaceInside(crypto, 'randomUUID', () => uuidOf(random)),
    replaceInside(crypto, 'randomBytes', bytesOf(new Random(BYTES_SEED))),
    replacePid(clock),
  ];
  // The one who has imported a function by its name sees the other one from now on.
  syncBuiltinESMExports();
  return () => {
    for (const step of undo) step();
    syncBuiltinESMExports();
  };
}

function timersOf(clock: Clock): Readonly<Record<'once' | 'again' | 'clear', Method>> {
  const owner = (): Owner | undefined => clock.current;
  return {
    once: (callback: Callback, delayMs = 0, ...args: unknown[]): VirtualTimer => {
      const timer = new VirtualTimer();
      clock.after(Math.max(1, delayMs), owner(), () => timer.isOver || callback(...args));
      return timer;
    },
    again: (callback: Callback, delayMs = 0, ...args: unknown[]): VirtualTimer => {
      const timer = new VirtualTimer();
      const mine = owner();
      const tick = (): void => {
        if (timer.isOver) return;
        clock.after(Math.max(1, delayMs), mine, tick);
        callback(...args);
      };
      clock.after(Math.max(1, delayMs), mine, tick);
      return timer;
    },
    clear: (timer?: VirtualTimer): void => {
      if (timer !== undefined) timer.isOver = true;
    },
  };
}

function virtualDate(clock: Clock): DateConstructor {
  const RealDate = Date;
  const now = (): number => (isInside() ? Math.floor(clock.dateMs) : RealDate.now());
  return new Proxy(RealDate, {
    construct: (target, given: unknown[], newTarget) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as Date,
    apply: () => new RealDate(now()).toString(),
    get: (target, name, receiver) =>
      name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown),
  });
}

function bytesOf(random: Random): (count: number) => Buffer {
  return (count) => Buffer.from(Array.from({ length: count }, () => random.between(0, 255)));
}

function uuidOf(random: Random): string {
  const digits = Array.from({ length: 32 }, () => random.between(0, 15).toString(16)).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Puts another function in the place of one, for those inside. @returns the way back */
function replaceInside(target: object, name: string, method: Method): () => void {
  const real = Reflect.get(target, name) as Method;
  return replace(target, name, function either(this: unknown, ...args: never[]): unknown {
    return isInside() ? method(...args) : Reflect.apply(real, this, args);
  });
}

function replacePid(clock: Clock): () => void {
  const real = process.pid;
  const get = (): number => (isInside() ? (clock.current?.pid ?? 1) : real);
  return define(process, 'pid', { configurable: true, get });
}

function replace(target: object, name: string, value: unknown): () => void {
  return define(target, name, { configurable: true, writable: true, value });
}

function define(target: object, name: string, descriptor: PropertyDescriptor): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, descriptor);
  return () => {
    if (before === undefined) delete (target as Record<string, unknown>)[name];
    else Object.defineProperty(target, name, before);
  };
}
