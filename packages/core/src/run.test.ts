import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Counts, NO_COUNTS } from './counts.ts';
import { Ledger } from './ledger.ts';
import { FIRST_CHECKPOINT } from './ledger-checkpoint.ts';
import {
  completedState,
  hookId,
  isEnded,
  isResumable,
  mayBeRedriven,
  reportOf,
  type RunProgress,
  type RunRequest,
} from './run.ts';

const REQUEST: RunRequest = {
  run: 'r1',
  pipeline: 'cities',
  params: {},
  spec: { name: 'cities', stages: [] },
  createdAt: '2026-11-22T10:00:00.000Z',
};

function progressOf(ledger: Ledger, more: Partial<RunProgress> = {}): RunProgress {
  return {
    state: 'running',
    fence: 1,
    startedAt: '2026-11-22T10:00:01.000Z',
    updatedAt: '2026-11-22T10:00:02.000Z',
    ledger: ledger.checkpoint(),
    ...more,
  };
}

describe('the states of a run', () => {
  test.each([
    ['pending', false, true, false],
    ['running', false, true, false],
    ['completed', true, false, true],
    ['completed-with-dead-letters', true, false, true],
    ['failed', true, true, false],
    ['cancelled', true, false, false],
  ] as const)(
    '%s: ended %s, resumable %s, redrivable %s',
    (state, ended, resumable, redrivable) => {
      expect(isEnded(state)).toBe(ended);
      expect(isResumable(state)).toBe(resumable);
      expect(mayBeRedriven(state)).toBe(redrivable);
    },
  );

  test('tell a run with dead letters from one without', () => {
    expect(completedState(FIRST_CHECKPOINT)).toBe('completed');
    const counts: Counts = { ...NO_COUNTS, in: 9, dead: 1 };
    const totals = { ...FIRST_CHECKPOINT.totals, counts };
    expect(completedState({ ...FIRST_CHECKPOINT, totals })).toBe('completed-with-dead-letters');
  });
});

test('a hook has one id at each end of a run', () => {
  expect(hookId('r1', 'finally', { ends: 0, ran: [] })).toBe('r1:finally');
  expect(hookId('r1', 'onFailure', { ends: 1, ran: [] })).toBe('r1:onFailure:2');
});

describe('reportOf', () => {
  test('has what became of hooks, if there are any', () => {
    const ran = [{ id: 'r1:finally', name: 'finally', attempts: 2, error: 'bad' } as const];
    const progress = progressOf(new Ledger(), { state: 'completed', hooks: { ends: 1, ran } });
    expect(reportOf(REQUEST, progress).hooks).toEqual(ran);
    expect(reportOf(REQUEST, undefined)).not.toHaveProperty('hooks');
  });

  test('tells of a run that nobody has taken up', () => {
    expect(reportOf(REQUEST, undefined)).toEqual({
      run: 'r1',
      pipeline: 'cities',
      state: 'pending',
      startedAt: null,
      endedAt: null,
      chunks: { total: 0, isTotalKnown: false, saved: 0, dead: 0, inFlight: 0 },
      records: { in: 0, expanded: 0, saved: 0, filtered: 0, dead: 0 },
      retries: 0,
      duplicatesIgnored: 0,
      fraction: null,
      versions: {},
      pace: null,
      troubles: [],
      digest: '',
    });
  });

  test('tells of a run that is under way', () => {
    const ledger = new Ledger();
    for (let seq = 0; seq < 4; seq++) {
      ledger.send(
        seq,
        { records: 10, nextCursor: seq + 1, fraction: (seq + 1) / 8, checksum: '00000000' },
        0,
      );
    }
    const digest = 'a'.repeat(32);
    const some = { in: 10, expanded: 5, filtered: 2, dead: 1, retries: 3 };
    const all = { ...NO_COUNTS, in: 10, dead: 10 };
    ledger.settle({ chunk: '0', counts: some, digest, fence: 1, buried: [] });
    ledger.settle({ chunk: '1', counts: all, digest: '', fence: 1, buried: [] });
    ledger.settle({ chunk: '1', counts: all, digest: '', fence: 1, buried: [] });
    const progress = progressOf(ledger, { reason: 'waits for the sink' });
    expect(reportOf(REQUEST, progress)).toEqual({
      run: 'r1',
      pipeline: 'cities',
      state: 'running',
      reason: 'waits for the sink',
      startedAt: '2026-11-22T10:00:01.000Z',
      endedAt: null,
      chunks: { total: 4, isTotalKnown: false, saved: 1, dead: 1, inFlight: 2 },
      records: { in: 20, expanded: 5, saved: 12, filtered: 2, dead: 11 },
      retries: 3,
      duplicatesIgnored: 1,
      fraction: 0.25,
      digest,
      versions: {},
      pace: null,
      troubles: [],
    });
  });

  test('tells the pace of a run that runs, and of no other', () => {
    const pace = { recordsPerSecond: 30, remainingMs: null };
    expect(reportOf(REQUEST, progressOf(new Ledger(), { pace })).pace).toEqual(pace);
    for (const state of ['paused', 'failed', 'completed'] as const) {
      expect(reportOf(REQUEST, progressOf(new Ledger(), { pace, state })).pace).toBeNull();
    }
  });

  test('tells which versions of code have worked on a run, and what holds it up', () => {
    const versions = { work: ['one', 'two'], out: ['one'] };
    const troubles = [
      { stage: 'out', reason: 'The sink has another run.', at: '2026-11-22T10:00:02.000Z' },
    ];
    const progress = progressOf(new Ledger(), { versions });
    expect(reportOf(REQUEST, progress, troubles)).toMatchObject({ versions, troubles });
    // A run that nobody can take up has troubles, too.
    expect(reportOf(REQUEST, undefined, troubles)).toMatchObject({ versions: {}, troubles });
  });

  test('accounts for every record of a run that has ended', () => {
    const outcome = fc.record({
      records: fc.nat({ max: 50 }),
      expanded: fc.nat({ max: 50 }),
      filtered: fc.nat({ max: 50 }),
      dead: fc.nat({ max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 20 }), (chunks) => {
        const ledger = new Ledger();
        let saved = 0;
        for (const [seq, { records, expanded, ...dropped }] of chunks.entries()) {
          const filtered = Math.min(dropped.filtered, records + expanded);
          const dead = Math.min(dropped.dead, records + expanded - filtered);
          saved += records + expanded - filtered - dead;
          ledger.send(
            seq,
            { records, nextCursor: seq, fraction: undefined, checksum: '00000000' },
            0,
          );
          const counts = { in: records, expanded, filtered, dead, retries: 0 };
          ledger.settle({ chunk: `${seq}`, counts, digest: '', fence: 1, buried: [] });
        }
        ledger.end();
        const endedAt = '2026-11-22T11:00:00.000Z';
        const state = completedState(ledger.checkpoint());
        const report = reportOf(REQUEST, progressOf(ledger, { state, endedAt }));
        const { records, chunks: all } = report;
        expect(records.saved).toBe(saved);
        expect(records.in + records.expanded).toBe(records.saved + records.filtered + records.dead);
        expect(all).toMatchObject({ total: chunks.length, isTotalKnown: true, inFlight: 0 });
        expect(all.saved + all.dead).toBe(all.total);
        expect(report.endedAt).toBe(endedAt);
        expect(report.state === 'completed').toBe(records.dead === 0);
      }),
    );
  });
});
