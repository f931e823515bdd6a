import { expect, test } from 'vitest';
import type { RunReport } from '@leat/core';
import type { Instruments } from './instruments.ts';
import { RunGauges } from './run-gauges.ts';

test('the time of the last settled chunk stands still while nothing is settled, and not for a resumed run', () => {
  const set: number[] = [];
  const gauge = { set: () => undefined, remove: () => undefined, reset: () => undefined };
  const runSettled = { ...gauge, set: (value: number) => set.push(value) };
  const instruments = new Proxy(
    { runSettled },
    { get: (own, name) => Reflect.get(own, name) ?? gauge },
  );
  const gauges = new RunGauges(instruments as unknown as Instruments);
  const show = (saved: number, now: number, state: RunReport['state'] = 'running'): void => {
    const chunks = { total: 9, isTotalKnown: true, saved, dead: 0, inFlight: 9 - saved };
    const records = { in: 0, expanded: 0, saved: 0, filtered: 0, dead: 0 };
    gauges.show({ state, chunks, records, fraction: null } as unknown as RunReport, now);
  };
  gauges.lease(1);
  show(1, 100);
  show(1, 101);
  show(2, 102);
  show(2, 103);
  show(2, 104, 'paused');
  show(2, 105, 'paused');
  show(2, 106);
  gauges.lease(undefined);
  gauges.lease(2);
  show(2, 107);
  expect(set).toEqual([100, 102, 104, 106, 107]);
});
