import { describe, expect, test } from 'vitest';
import type { ChunkInFlight } from './in-flight.ts';
import { lostChunks, OVERDUE_MS } from './lost.ts';

const NOW = 10 * OVERDUE_MS;

function sentAt(...times: number[]): ChunkInFlight[] {
  return times.map((time, seq) => ({
    seq,
    cursor: null,
    records: 100,
    bytes: 0,
    sentAt: time,
    resends: 0,
  }));
}

function lostSeqs(times: readonly number[], queued: number, receiptsUnread: number): number[] {
  const seen = { startedAt: NOW, queued, receiptsUnread };
  return lostChunks(sentAt(...times), seen).map(({ seq }) => seq);
}

describe('lostChunks', () => {
  test('gives up all chunks when the queues and the receipts are empty', () => {
    expect(lostSeqs([NOW - 1, NOW - 60_000], 0, 0)).toEqual([0, 1]);
  });

  test('spares a chunk that was sent since the first look', () => {
    expect(lostSeqs([NOW - 1, NOW, NOW + 1], 0, 0)).toEqual([0]);
  });

  test('spares a chunk that is still being sent', () => {
    expect(lostSeqs([Number.POSITIVE_INFINITY], 0, 0)).toEqual([]);
    expect(lostSeqs([Number.POSITIVE_INFINITY], 5, 0)).toEqual([]);
  });

  test('leaves chunks alone while anything of the run is queued', () => {
    expect(lostSeqs([NOW - 1, NOW - 60_000], 1, 0)).toEqual([]);
  });

  test('leaves chunks alone while a receipt is under way', () => {
    expect(lostSeqs([NOW - 1, NOW - 60_000], 0, 1)).toEqual([]);
  });

  const justOverdue = NOW - OVERDUE_MS - 1;

  test('sends an overdue chunk again though the queues move, if fewer messages are there', () => {
    expect(lostSeqs([justOverdue, justOverdue + 1, NOW - 1], 2, 3)).toEqual([0]);
    expect(lostSeqs([justOverdue + 1, justOverdue, NOW - 1], 1, 3)).toEqual([1]);
  });

  test('leaves overdue chunks alone that wait in a long queue', () => {
    expect(lostSeqs([justOverdue, justOverdue, NOW - 1], 3, 0)).toEqual([]);
    expect(lostSeqs([justOverdue, justOverdue, NOW - 1], 500, 0)).toEqual([]);
    // Of what is on its way to a queue none is missed there.
    expect(lostSeqs([justOverdue, Number.POSITIVE_INFINITY], 1, 0)).toEqual([]);
  });

  test('sends no more overdue chunks again than are missing, the first of them first', () => {
    expect(lostSeqs([justOverdue, justOverdue, justOverdue, NOW - 1], 2, 0)).toEqual([0, 1]);
  });

  test('finds nothing when nothing is in flight', () => {
    expect(lostSeqs([], 0, 0)).toEqual([]);
  });
});
