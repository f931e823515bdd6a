import { describe, expect, test } from 'vitest';
import { diagnose } from './diagnose.ts';
import { DOCTOR_CODES } from './codes.ts';
import { isStreamOf } from './expected.ts';
import {
  DEAD,
  findings,
  healthy,
  PLACE,
  RECEIPTS,
  streamAsWanted,
  told,
  TOPOLOGY,
  withConfig,
  WITHOUT_FILE,
} from './doctor.testsuite.ts';

describe('a healthy cluster', () => {
  test('has no findings', () => {
    expect(told(healthy())).toEqual([]);
    expect(diagnose(healthy(), WITHOUT_FILE)).toEqual([]);
    expect(told(healthy(), { isProduction: true })).toEqual([]);
  });

  test('has none on a single server for development either', () => {
    const seen = withConfig(PLACE, { storage: 'memory', num_replicas: 1 });
    const alone = { ...seen, server: { ...seen.server, isClustered: false } };
    expect(told(alone)).toEqual([]);
  });
});

describe('findings', () => {
  test('say what follows and what to do, the worst first', () => {
    const seen = { ...withConfig(PLACE, { discard: 'old' }), monitors: [] };
    const all = findings({ ...seen, unavailable: [{ name: 'leat_x_y', reason: 'silent' }] });
    expect(all.map(({ severity }) => severity)).toEqual(['error', 'error', 'note']);
    expect(all[1]).toEqual({
      severity: 'error',
      code: 'discard-old',
      subject: `stream ${PLACE}`,
      found: 'discard is old, wanted new',
      consequence: DOCTOR_CODES['discard-old'].consequence,
      remedy: DOCTOR_CODES['discard-old'].remedy,
      mend: {
        kind: 'repair-stream',
        object: { kind: 'queue', stream: TOPOLOGY.queues[0]!.stream },
      },
    });
  });
});

test('what stages say of a run is found', () => {
  const seen = healthy();
  const [run] = seen.runs!;
  const troubles = [{ stage: 'place', reason: 'the disk is gone', at: '2026-11-28T00:00:00Z' }];
  expect(told({ ...seen, runs: [{ ...run!, troubles }] })).toEqual([
    `run-held-up run ${run!.run}: place says: the disk is gone`,
  ]);
});

describe('without a pipeline file', () => {
  test('what a run that goes on needs is missed', () => {
    const seen = { ...healthy(), streams: [] };
    const names = diagnose(seen, WITHOUT_FILE).map(({ subject }) => subject);
    expect(names).toEqual([
      `stream ${PLACE}`,
      'stream leat_cities_sink',
      `stream ${RECEIPTS}`,
      `stream ${DEAD}`,
      'stream KV_leat_cities',
    ]);
    const ended = { ...seen.runs![0]!, state: 'completed' } as const;
    expect(diagnose({ ...seen, runs: [ended] }, WITHOUT_FILE)).toEqual([]);
  });

  test('a pipeline is known by any of its streams', () => {
    const streams = [streamAsWanted(TOPOLOGY.dead)];
    const names = diagnose({ ...healthy(), streams, runs: [] }, WITHOUT_FILE).map(
      ({ subject }) => subject,
    );
    expect(names).toEqual([`stream ${RECEIPTS}`, 'stream KV_leat_cities']);
  });
});

test.each([
  ['leat_cities_place', true, true],
  ['KV_leat_cities', true, true],
  ['OBJ_leat_cities', true, true],
  ['leat_other_place', true, false],
  ['KV_leat_cities2', true, false],
  ['leat_cities2_place', true, false],
  ['KV_other', false, false],
  ['orders', false, false],
])('%s is known by its name', (name, isLeats, isOfCities) => {
  expect(isStreamOf(name)).toBe(isLeats);
  expect(isStreamOf(name, 'cities')).toBe(isOfCities);
});
