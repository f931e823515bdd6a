import { stageSubject } from '@leat/core';
import type { PipelineConnection } from '@leat/runtime';
import type { ConsumerConfig } from '@nats-io/jetstream';
import { describe, expect, test } from 'vitest';
import { doctor, openCities, remakeConsumer, remakeWork, work } from '../support/doctor.ts';
import { SERVERS } from '../support/jetstream.ts';

describe.each(SERVERS)('leat doctor on $server', ({ version }) => {
  describe('finds a stream with', () => {
    test.each<[string, string, (open: PipelineConnection) => Promise<unknown>, string[]]>([
      ['memory', 'memory-storage', (c) => remakeWork(c, { storage: 'memory' }), ['--production']],
      [
        'a retention that keeps what is done',
        'wrong-retention',
        (c) => remakeWork(c, { retention: 'limits' }),
        [],
      ],
      [
        'a subject too many',
        'wrong-subjects',
        ({ manager, topology }) =>
          manager.streams.update(work(topology), {
            subjects: [stageSubject('cities', 'work', '*'), 'elsewhere'],
          }),
        [],
      ],
      ['discard old', 'discard-old', (c) => remakeWork(c, { discard: 'old' }), []],
      ['an age', 'messages-expire', (c) => remakeWork(c, { max_age: 3_600e9 }), []],
      [
        'a limit for each run',
        'messages-expire',
        (c) => remakeWork(c, { max_msgs_per_subject: 5 }),
        [],
      ],
      ['no limits', 'unbounded', (c) => remakeWork(c, { max_bytes: -1, max_msgs: -1 }), []],
      [
        'a short window',
        'duplicate-window-short',
        (c) => remakeWork(c, { duplicate_window: 1e9 }),
        [],
      ],
      [
        'no consumer',
        'consumer-missing',
        ({ manager, topology }) => manager.consumers.delete(work(topology), 'work'),
        [],
      ],
    ])('%s: %s', async (_, code, change, flags) => {
      const { server, connection } = await openCities(version);
      await change(connection);
      const { code: exit, findings, found } = await doctor(server.url, flags);
      const finding = findings.find((each) => each.code === code);
      expect(found).toContain(`${code} stream ${work(connection.topology)}`);
      expect(exit).toBe(finding?.severity === 'note' ? 0 : 1);
    });
  });

  describe('finds a consumer with', () => {
    test.each<[string, string, Partial<ConsumerConfig>]>([
      ['a limit of deliveries', 'max-deliver', { max_deliver: 3 }],
      ['few chunks in hand', 'ack-pending-low', { max_ack_pending: 10 }],
      ['a long window', 'ack-wait-long', { ack_wait: 300e9 }],
      ['a short window', 'ack-wait-short', { ack_wait: 500e6 }],
      ['another filter', 'consumer-drifted', { filter_subject: 'leat.v1.cities.work.only' }],
      ['a backoff', 'consumer-drifted', { backoff: [5e9, 9e9], max_deliver: 5 }],
    ])('%s: %s', async (_, code, change) => {
      const { server, connection } = await openCities(version);
      await remakeConsumer(connection, change);
      const { code: exit, found } = await doctor(server.url);
      expect(found).toContain(`${code} consumer work of leat_cities_work`);
      expect(exit).toBe(1);
    });
  });

  test.skipIf(version !== undefined)('finds a consumer that is paused', async () => {
    const { server, connection } = await openCities(version);
    const { manager, topology } = connection;
    await manager.consumers.pause(work(topology), 'work', new Date(Date.now() + 3_600_000));
    const { found } = await doctor(server.url);
    expect(found).toEqual(['consumer-paused consumer work of leat_cities_work']);
  });
});
