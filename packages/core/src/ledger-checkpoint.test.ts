import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_COUNTS } from './counts.ts';
import { Ledger } from './ledger.ts';
import { mostInFlight } from './ledger-checkpoint.ts';

test('a checkpoint fits into a message, in whichever order chunks are settled', () => {
  // What is not gaps: totals, cursor, digest.
  const maxBytes = 4_096;
  fc.assert(
    fc.property(fc.array(fc.nat(1_000_000), { maxLength: 2_000 }), (choices) => {
      const ledger = new Ledger();
      const inFlight: number[] = [];
      const counts = { ...NO_COUNTS, in: 1 };
      for (const choice of choices) {
        while (ledger.inFlightCount < mostInFlight(maxBytes, ledger.next)) {
          inFlight.push(ledger.next);
          const chunk = {
            records: 1,
            nextCursor: ledger.next,
            fraction: undefined,
            checksum: '00000000',
          };
          ledger.send(ledger.next, chunk, 0);
        }
        const [seq] = inFlight.splice(choice % inFlight.length, 1);
        ledger.settle({ chunk: `${seq}`, counts, digest: '', fence: 1, buried: [] });
        expect(JSON.stringify(ledger.checkpoint()).length).toBeLessThan(maxBytes);
      }
    }),
    { numRuns: 20 },
  );
});

test('one chunk may always be in flight', () => {
  expect(mostInFlight(10, 1_000_000)).toBe(1);
  expect(mostInFlight(1_048_576, 1_000_000)).toBe(43_690);
});
