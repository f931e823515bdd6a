import { describe, expect, test } from 'vitest';
import { diagnose } from './diagnose.ts';
import type { FindingCode } from './finding-code.ts';
import type { Mend } from './finding.ts';
import {
  DEAD,
  findings,
  healthy,
  PLACE,
  RECEIPTS,
  streamAsWanted,
  type StreamChange,
  told,
  TOPOLOGY,
  USAGE,
  withConfig,
  withConsumer,
  WITHOUT_FILE,
  withoutStreams,
  withStream,
} from './doctor.testsuite.ts';

describe('streams', () => {
  test.each<[FindingCode, string, StreamChange, string]>([
    ['memory-storage', PLACE, { storage: 'memory' }, 'storage is memory'],
    ['memory-storage', 'KV_leat_cities', { storage: 'memory' }, 'storage is memory'],
    ['few-replicas', PLACE, { num_replicas: 1 }, 'num_replicas is 1'],
    ['few-replicas', 'OBJ_leat_cities', { num_replicas: 2 }, 'num_replicas is 2'],
    ['wrong-retention', PLACE, { retention: 'limits' }, 'retention is limits, wanted workqueue'],
    ['wrong-retention', DEAD, { retention: 'interest' }, 'retention is interest, wanted limits'],
    [
      'wrong-subjects',
      PLACE,
      { subjects: ['a.>'] },
      'subjects is ["a.>"], wanted ["leat.v1.cities.place.*","a.>"]',
    ],
    [
      'wrong-subjects',
      PLACE,
      { subjects: ['leat.v1.cities.place.*', 'a.>'] },
      'subjects is ["leat.v1.cities.place.*","a.>"], wanted ["leat.v1.cities.place.*"]',
    ],
    ['discard-old', RECEIPTS, { discard: 'old' }, 'discard is old, wanted new'],
    ['discard-old', DEAD, { discard: 'old' }, 'discard is old, wanted new'],
    ['messages-expire', PLACE, { max_age: 3_600e9 }, 'max_age is 3600 s, wanted 0'],
    ['messages-expire', DEAD, { max_msgs_per_subject: 5 }, 'max_msgs_per_subject is 5, wanted -1'],
    ['limit-lowered', PLACE, { max_msgs: 5 }, 'max_msgs is 5, wanted 2000'],
    ['limit-lowered', DEAD, { max_bytes: 5 }, 'max_bytes is 5, wanted 268435456'],
    ['limit-lowered', 'KV_leat_cities', { max_bytes: 5 }, 'max_bytes is 5, wanted -1'],
    ['limit-lowered', 'OBJ_leat_cities', { max_msg_size: 5 }, 'max_msg_size is 5, wanted -1'],
    ['stream-sealed', RECEIPTS, { sealed: true }, 'sealed is true, wanted false'],
    ['stream-drifted', PLACE, { no_ack: true }, 'no_ack is true, wanted false'],
    ['stream-drifted', PLACE, { from_tomorrow: 7 }, 'from_tomorrow is 7, wanted not set'],
    ['unbounded', PLACE, { max_bytes: -1, max_msgs: -1 }, 'neither max_msgs nor max_bytes is set'],
    ['unbounded', DEAD, { max_bytes: -1 }, 'max_bytes is not set'],
    [
      'duplicate-window-short',
      PLACE,
      { duplicate_window: 30e9 },
      'duplicate_window is 30 s, wanted 120 s',
    ],
  ])('%s of %s', (code, name, change, found) => {
    expect(told(withConfig(name, change))).toEqual([`${code} stream ${name}: ${found}`]);
  });

  test('without subjects are told', () => {
    const seen = withConfig(PLACE, { subjects: undefined });
    expect(told(seen)).toEqual([
      `wrong-subjects stream ${PLACE}: subjects is not set, wanted ["leat.v1.cities.place.*"]`,
    ]);
  });

  test('may have one limit, and dead letters an age', () => {
    expect(told(withConfig(PLACE, { max_bytes: -1 }))).toEqual([]);
    expect(told(withConfig(DEAD, { max_age: 3_600e9 }))).toEqual([]);
  });

  test('are repaired where a server can and nothing is lost by it', () => {
    const mendOf = (name: string, change: StreamChange): Mend | undefined =>
      findings(withConfig(name, change))[0]?.mend;
    const [{ stream }] = TOPOLOGY.queues as [(typeof TOPOLOGY.queues)[0]];
    const queue = { kind: 'repair-stream', object: { kind: 'queue', stream } };
    expect(mendOf(PLACE, { max_bytes: 5 })).toEqual(queue);
    expect(mendOf(PLACE, { sealed: true })).toEqual(queue);
    expect(mendOf(DEAD, { duplicate_window: 30e9 })).toMatchObject({ kind: 'repair-stream' });
    expect(mendOf(PLACE, { retention: 'limits' })).toBeUndefined();
    expect(mendOf(DEAD, { sealed: true })).toBeUndefined();
    expect(mendOf('KV_leat_cities', { sealed: true })).toBeUndefined();
  });

  test('are held against the limits that they were made with', () => {
    const made = { metadata: { 'leat-limits': '17 1000' } };
    expect(told(withConfig(PLACE, { ...made, max_msgs: 17, max_bytes: 1_000 }))).toEqual([]);
    expect(told(withConfig(PLACE, { ...made, max_msgs: 16, max_bytes: 1_000 }))).toEqual([
      `limit-lowered stream ${PLACE}: max_msgs is 16, wanted 17`,
    ]);
    expect(told(withConfig(PLACE, { metadata: {}, max_msgs: 1, max_bytes: 1 }))).toEqual([]);
  });

  test('with copies that are away or behind are told', () => {
    const copies = [
      { server: 'b', isCurrent: false, isOffline: true },
      { server: 'c', isCurrent: false, isOffline: false },
      { server: 'd', isCurrent: true, isOffline: true },
    ];
    expect(told(withStream(PLACE, (stream) => ({ ...stream, copies })))).toEqual([
      `replica-offline stream ${PLACE}: the copy on b is offline`,
      `replica-offline stream ${PLACE}: the copy on c is behind`,
      `replica-offline stream ${PLACE}: the copy on d is offline`,
    ]);
  });

  test('whose consumer is kept in memory are told', () => {
    expect(told(withConsumer({ config: { mem_storage: true } }))).toEqual([
      `memory-storage consumer place of ${PLACE}: mem_storage is true`,
    ]);
  });

  test('behind buckets are told when they are nearly full', () => {
    const seen = withStream('OBJ_leat_cities', (stream) => ({
      ...stream,
      config: { ...stream.config, max_bytes: 100 },
      state: { ...stream.state, bytes: 90 },
    }));
    expect(told(seen)).toEqual([
      'limit-lowered stream OBJ_leat_cities: max_bytes is 100, wanted -1',
      'storage-nearly-full stream OBJ_leat_cities: max_bytes is 90 % used (90 of 100)',
    ]);
  });

  test('that are missing can be made', () => {
    const all = findings(withoutStreams(PLACE, RECEIPTS, DEAD, 'KV_leat_cities'));
    const [{ stream, consumer }] = TOPOLOGY.queues as [(typeof TOPOLOGY.queues)[0]];
    const { receipts, dead } = TOPOLOGY;
    expect(all.map(({ code, mend }) => [code, mend])).toEqual([
      ['stream-missing', { kind: 'create-stream', object: { kind: 'queue', stream }, consumer }],
      ['stream-missing', { kind: 'create-stream', object: { kind: 'receipts', stream: receipts } }],
      ['stream-missing', { kind: 'create-stream', object: { kind: 'dead', stream: dead } }],
      ['stream-missing', { kind: 'create-bucket', bucket: 'leat_cities', replicas: 3 }],
    ]);
    expect(told(withoutStreams('OBJ_leat_cities'))).toEqual([]);
  });

  test('that the account has no room for cannot be made', () => {
    const usage = (streams: number, max: number): (typeof USAGE)[] => [
      { ...USAGE, streams, limits: { ...USAGE.limits, max_streams: max } },
    ];
    const found = (streams: number, max: number): string[] =>
      told({ ...withoutStreams(PLACE), usages: usage(streams, max) }).filter((line) =>
        line.startsWith('stream-missing'),
      );
    expect(found(4, 3)).toEqual([
      `stream-missing stream ${PLACE}: it is not there, and cannot be made: the account may have 3 streams and has 4`,
    ]);
    expect(found(4, 4)).toHaveLength(1);
    for (const max of [5, 0, -1])
      expect(found(4, max)).toEqual([`stream-missing stream ${PLACE}: it is not there`]);
  });

  test('that do not answer are not missing', () => {
    const unavailable = [{ name: PLACE, reason: 'time-out' }];
    expect(told({ ...withoutStreams(PLACE), unavailable })).toEqual([
      `stream-unavailable stream ${PLACE}: time-out`,
    ]);
    const every = healthy().streams.map(({ config }) => ({ name: config.name, reason: 'x' }));
    const nothing = { ...healthy(), streams: [], runs: undefined, unavailable: every };
    const codes = diagnose(nothing, WITHOUT_FILE).map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set(['stream-unavailable']));
  });

  test('that belong to no stage are told', () => {
    const seen = healthy();
    const streams = [...seen.streams, streamAsWanted({ name: 'leat_cities_old' })];
    expect(told({ ...seen, streams })).toEqual([
      'stream-unknown stream leat_cities_old: it belongs to no stage, and has 0 messages',
    ]);
    const odd = ['leat_x', 'leat_X_y', 'leat_x_Y'].map((name) => streamAsWanted({ name }));
    const lines = diagnose({ ...seen, streams: [...seen.streams, ...odd] }, WITHOUT_FILE);
    expect(lines.map(({ code }) => code)).toEqual(Array(3).fill('stream-unknown'));
  });
});
