import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { Bell } from './bell.ts';

const { signal: NEVER } = new AbortController();

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Notes in a list when a wait is over. */
function noting(ended: string[], name: string, waiting: Promise<void>): Promise<void> {
  return waiting.then(
    () => void ended.push(name),
    (error: unknown) => void ended.push(`${name}: ${String(error)}`),
  );
}

const turn = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

test('a condition that holds is not waited for', async () => {
  await expect(new Bell().until(() => true, NEVER)).resolves.toBeUndefined();
});

test('any number wait, each for its own condition, and each looks again at every ring', async () => {
  const bell = new Bell();
  const ended: string[] = [];
  let level = 0;
  for (const wanted of [3, 1, 2, 1]) {
    void noting(
      ended,
      `${wanted}`,
      bell.until(() => level >= wanted, NEVER),
    );
  }
  bell.ring();
  await turn();
  expect(ended).toEqual([]);
  for (level = 1; level <= 3; level++) {
    bell.ring();
    await turn();
  }
  expect(ended).toEqual(['1', '1', '2', '3']);
});

test('a condition may take what it finds: nobody else gets it', async () => {
  const bell = new Bell();
  let loaves = 0;
  const ended: string[] = [];
  const take = (): boolean => loaves > 0 && loaves-- > 0;
  for (const name of ['a', 'b', 'c']) void noting(ended, name, bell.until(take, NEVER));
  loaves = 2;
  bell.ring();
  await turn();
  expect([ended, loaves]).toEqual([['a', 'b'], 0]);
  loaves = 1;
  bell.ring();
  await turn();
  expect([ended, loaves]).toEqual([['a', 'b', 'c'], 0]);
});

test('a wait ends with the reason of its signal, before or meanwhile, and the others go on', async () => {
  const bell = new Bell();
  const ended: string[] = [];
  await noting(
    ended,
    'before',
    bell.until(() => true, AbortSignal.abort('enough')),
  );
  const later = new AbortController();
  let isOpen = false;
  const open = (): boolean => isOpen;
  void noting(ended, 'meanwhile', bell.until(open, later.signal));
  void noting(ended, 'other', bell.until(open, NEVER));
  later.abort('enough');
  await turn();
  expect(ended).toEqual(['before: enough', 'meanwhile: enough']);
  isOpen = true;
  bell.ring();
  await turn();
  expect(ended).toEqual(['before: enough', 'meanwhile: enough', 'other']);
});

test('a condition that throws ends its own wait, and not that of the others', async () => {
  const bell = new Bell();
  const ended: string[] = [];
  let isOpen = false;
  const broken = (): boolean => {
    if (isOpen) throw new Error('broken');
    return false;
  };
  void noting(ended, 'broken', bell.until(broken, NEVER));
  void noting(
    ended,
    'whole',
    bell.until(() => isOpen, NEVER),
  );
  isOpen = true;
  bell.ring();
  await turn();
  expect(ended).toEqual(['broken: Error: broken', 'whole']);
});

test('a wait may have a limit', async () => {
  const bell = new Bell();
  const ended: string[] = [];
  let isOpen = false;
  void noting(
    ended,
    'short',
    bell.within(100, () => isOpen, NEVER),
  );
  void noting(
    ended,
    'long',
    bell.within(10_000, () => isOpen, NEVER),
  );
  await vi.advanceTimersByTimeAsync(99);
  expect(ended).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(ended).toEqual(['short']);
  isOpen = true;
  bell.ring();
  await turn();
  expect([ended, vi.getTimerCount()]).toEqual([['short', 'long'], 0]);
});

test('hundreds may wait on one signal without a warning, and leave nothing on it', async () => {
  const { signal } = new AbortController();
  const added = vi.spyOn(signal, 'addEventListener');
  const removed = vi.spyOn(signal, 'removeEventListener');
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  onTestFinished(() => void process.off('warning', note));
  const bell = new Bell();
  let isOpen = false;
  const waiting = Array.from({ length: 300 }, () => bell.until(() => isOpen, signal));
  isOpen = true;
  bell.ring();
  await Promise.all(waiting);
  expect(warnings).toEqual([]);
  expect([added.mock.calls.length, removed.mock.calls.length]).toEqual([300, 300]);
});
