import { describe, expect, test } from 'vitest';
import { LineTail } from './line-tail.ts';

function tailOf(lines: readonly string[]): LineTail {
  const tail = new LineTail();
  for (const line of lines) tail.add(line);
  return tail;
}

describe('LineTail', () => {
  test.each([
    ['nothing', [], ''],
    [
      'the last line',
      ['a', 'nats-server: x.conf:1:1: unknown field'],
      'nats-server: x.conf:1:1: unknown field',
    ],
    [
      'the errors rather than what follows them',
      [
        '[7] 2026/01/01 10:00:00.000000 [INF] Starting nats-server',
        '[7] 2026/01/01 10:00:00.000001 [FTL] Error listening on port',
        '[7] 2026/01/01 10:00:00.000002 [INF] Server Exiting..',
      ],
      'Error listening on port',
    ],
  ])('complains with %s', (_, lines, complaint) => {
    expect(tailOf(lines).complaint()).toBe(complaint);
  });

  test('forgets old lines and cuts long ones', () => {
    const tail = tailOf(['[FTL] the first', ...Array.from({ length: 100 }, () => 'x'.repeat(1e5))]);
    expect(tail.complaint()).toHaveLength(2_000);
  });
});
