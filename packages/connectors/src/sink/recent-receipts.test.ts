import { NO_COUNTS, type Receipt } from '@leat/core';
import { expect, test } from 'vitest';
import { RecentReceipts } from './recent-receipts.ts';

test('the last ten thousand receipts are remembered, and not more than twice as many', () => {
  const recent = new RecentReceipts();
  const receiptOf = (seq: number): Receipt => ({
    chunk: String(seq),
    counts: NO_COUNTS,
    digest: '',
    fence: 1,
    buried: [],
  });
  for (let seq = 0; seq < 45_000; seq++) {
    recent.add(receiptOf(seq));
    if (seq % 1_000 !== 0) continue;
    const oldest = Math.max(0, seq - 9_999);
    expect([recent.get(String(seq)), recent.get(String(oldest))]).toEqual([
      receiptOf(seq),
      receiptOf(oldest),
    ]);
    expect(recent.get(String(seq - 20_000))).toBeUndefined();
  }
});
