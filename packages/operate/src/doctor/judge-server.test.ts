import { describe, expect, test } from 'vitest';
import type { Examination } from './seen.ts';
import { findings, healthy, PLACE, RECEIPTS, told, USAGE } from './doctor.testsuite.ts';

const withVersion = (version: string): Examination => {
  const seen = healthy();
  const [first] = seen.monitors;
  return {
    ...seen,
    monitors: [{ ...first!, server: { ...first!.server!, name: 'b', version } }],
  };
};

describe('servers', () => {
  test('of an old version are told, also those that only monitoring shows', () => {
    expect(told(withVersion('2.10.22'))).toEqual([
      'server-too-old server b: version 2.10.22 loses acknowledged messages when it crashes (mended in 2.10.23)',
    ]);
    expect(told(withVersion('2.9.10'))).toEqual([
      'server-too-old server b: version 2.9.10 is older than 2.10.27',
    ]);
  });

  test('that lose work queues with copies are told where there are such', () => {
    const line = `server-loses-messages server b: version 2.12.4, and ${PLACE} has 3 copies`;
    expect(told(withVersion('2.12.4'))).toEqual([line]);
    const queues = new Set([PLACE, 'leat_cities_sink', RECEIPTS]);
    const seen = withVersion('2.12.4');
    const single = seen.streams.map((stream) =>
      queues.has(stream.config.name)
        ? { ...stream, config: { ...stream.config, num_replicas: 1 } }
        : stream,
    );
    const codes = findings({ ...seen, streams: single }).map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set(['few-replicas']));
  });

  test('are told when one stands alone in production', () => {
    const seen = healthy();
    const alone = { ...seen, server: { ...seen.server, isClustered: false } };
    expect(told(alone, { isProduction: true })).toEqual([
      'single-server server a: it is not clustered',
    ]);
  });

  test('keep data in memory no longer than 10 s', () => {
    const [a] = healthy().monitors;
    const sync = (syncIntervalMs: number): Examination => ({
      ...healthy(),
      monitors: [{ ...a!, server: { ...a!.server!, syncIntervalMs } }],
    });
    expect(told(sync(10_000))).toEqual([]);
    expect(told(sync(0))).toEqual([]);
    expect(told(sync(120_000))).toEqual(['sync-interval-long server a: sync_interval is 120 s']);
  });

  test('without monitoring leave it open how long they keep data in memory', () => {
    expect(told({ ...healthy(), monitors: [] })).toEqual([
      'sync-interval-unseen server a: sync_interval cannot be seen without --monitor',
    ]);
  });

  test('without JetStream have nothing to sync', () => {
    const monitors = [{ url: 'http://e', server: { name: 'edge', version: '2.15.2' } }];
    expect(told({ ...healthy(), monitors })).toEqual([]);
  });

  test('whose monitoring does not answer are told', () => {
    const monitors = [{ url: 'http://x', failure: 'refused' }, { url: 'http://y' }];
    expect(told({ ...healthy(), monitors })).toEqual([
      'monitor-unreachable monitor http://x: refused',
      'monitor-unreachable monitor http://y: no answer',
    ]);
  });

  test.each([
    [2_010, []],
    [5_010, ["clock-skew server a: its clock is 5.0 s ahead of this machine's"]],
    [-60_000, ["clock-skew server a: its clock is 60.0 s behind this machine's"]],
  ])('with a clock at %d ms are judged', (serverAt, lines) => {
    const clocks = [{ sentAt: 0, receivedAt: 10, serverAt }];
    expect(told({ ...healthy(), clocks })).toEqual(lines);
    expect(told({ ...healthy(), clocks: [] })).toEqual([]);
  });

  test('and accounts that are nearly full are told', () => {
    const full = {
      ...USAGE,
      storage: 81,
      streams: 9,
      limits: { ...USAGE.limits, max_storage: 100 },
    };
    const tier = { ...USAGE, streams: 9, limits: { ...USAGE.limits, max_streams: 10 } };
    expect(told({ ...healthy(), usages: [full, tier, USAGE] })).toEqual([
      'storage-nearly-full account: storage is 81 % used (81 of 100)',
      'storage-nearly-full account: streams is 90 % used (9 of 10)',
    ]);
    const [a] = healthy().monitors;
    const storage = { used: 95, limit: 100 };
    const monitors = [{ ...a!, server: { ...a!.server!, storage } }];
    expect(told({ ...healthy(), monitors })).toEqual([
      'storage-nearly-full server a: storage is 95 % used (95 of 100)',
    ]);
  });
});
