import { describe, expect, test } from 'vitest';
import type { Examination, SeenStream } from './seen.ts';
import { DEAD, PLACE, SPEC, told, withConsumer, withStream } from './doctor.testsuite.ts';
import type { RunState } from '../../../core/src/run.ts';

const withState = (name: string, state: Partial<SeenStream['state']>): Examination =>
  withStream(name, (stream) => ({ ...stream, state: { ...stream.state, ...state } }));

const leftover = (state: RunState, endedAgoMs?: number): Examination => ({
  ...withState(PLACE, { subjects: { 'leat.v1.cities.place.r1': 7 } }),
  runs: [
    {
      run: 'r1',
      pipeline: 'cities',
      state,
      spec: SPEC,
      ...(endedAgoMs !== undefined && { endedAgoMs }),
    },
  ],
});

describe('flow', () => {
  const subject = `consumer place of ${PLACE}`;

  test.each([
    ['pulled from', { pending: 5, waiting: 1 }, []],
    ['empty', { pending: 0, waiting: 0 }, []],
    [
      'held by the living',
      { pending: 5, waiting: 0, ackPending: 3, quietMs: 4e5, isAlive: true },
      [],
    ],
    [
      'held by the dead',
      { pending: 5, waiting: 0, ackPending: 3, isAlive: false },
      [
        `queue-stands-still ${subject}: 3 messages are held without a sign of life, 5 wait, and no replica pulls`,
      ],
    ],
    ['held', { pending: 5, waiting: 0, ackPending: 3, quietMs: 300_000 }, []],
    [
      'left alone',
      { pending: 5, waiting: 0 },
      [`queue-stands-still ${subject}: 5 messages wait and no replica pulls (num_waiting is 0)`],
    ],
    [
      'held for long',
      { pending: 5, waiting: 0, ackPending: 3, quietMs: 400_000 },
      [`queue-quiet ${subject}: 3 messages are held, 5 wait, and none has moved for 6 minutes`],
    ],
  ])('of a queue that is %s', (_, change, lines) => {
    expect(told(withConsumer(change))).toEqual(lines);
  });

  test('queues that are nearly full are only noted', () => {
    expect(told(withState(PLACE, { messages: 1_800 }))).toEqual([]);
    expect(told(withState(PLACE, { messages: 1_900, bytes: 268_435_456 }))).toEqual([
      `queue-nearly-full stream ${PLACE}: max_msgs is 95 % used (1900 of 2000)`,
      `queue-nearly-full stream ${PLACE}: max_bytes is 100 % used (268435456 of 268435456)`,
    ]);
  });

  test('dead letters need room', () => {
    expect(told(withState(DEAD, { bytes: 230_000_000 }))).toEqual([
      `dead-letters-nearly-full stream ${DEAD}: max_bytes is 85 % used (230000000 of 268435456)`,
    ]);
  });

  test.each<RunState>(['pending', 'running', 'paused', 'failed'])(
    'messages of a run that is %s are its own',
    (state) => expect(told(leftover(state, 60_000))).toEqual([]),
  );

  test.each<RunState>(['completed', 'completed-with-dead-letters', 'cancelled'])(
    'messages of a run that is %s are left over',
    (state) => {
      const line = `leftovers stream ${PLACE}: 7 messages on leat.v1.cities.place.r1, of a run that is ${state}`;
      expect(told(leftover(state))).toEqual([line]);
      expect(told(leftover(state, 10_000))).toEqual([line]);
      expect(told(leftover(state, 9_999))).toEqual([]);
    },
  );

  test('messages of a run that nobody knows are left over, if the runs could be read', () => {
    const seen = leftover('running');
    expect(told({ ...seen, runs: [] })).toEqual([
      `leftovers stream ${PLACE}: 7 messages on leat.v1.cities.place.r1, of a run that is not known`,
    ]);
    const other = { ...seen.runs![0]!, pipeline: 'other' };
    expect(told({ ...seen, runs: [other] })).toHaveLength(1);
    expect(told({ ...seen, runs: undefined })).toEqual([]);
  });
});
