import { OLDEST_SERVER, whyTooOld } from '@leat/core';
import { MINIMUM_VERSION, PINNED_VERSION } from '@leat/nats-server';
import { expect, test } from 'vitest';

// The launcher stands alone, and the core looks at servers that nobody launched: each has the number.
test('the oldest server that is started is the oldest that is connected to', () => {
  expect(MINIMUM_VERSION).toBe(OLDEST_SERVER);
  expect(whyTooOld(PINNED_VERSION)).toBeUndefined();
});
