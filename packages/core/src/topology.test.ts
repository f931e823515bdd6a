import { describe, expect, test } from 'vitest';
import type { PipelineSpec } from './spec.ts';
import { DEFAULT_TOPOLOGY_SETTINGS, receiptsConsumerOf, topologyOf } from './topology.ts';

const SPEC: PipelineSpec = {
  name: 'cities',
  stages: [
    { name: 'source', kind: 'fetcher' },
    { name: 'upper', kind: 'mapper', from: 'source' },
    { name: 'sink', kind: 'saver', from: 'upper' },
  ],
};
const SETTINGS = { replicas: 3, maxMessages: 50, maxBytes: 1_000, ackWaitMs: 2_500 };

describe('topologyOf', () => {
  test('gives each queue its stream and one shared consumer', () => {
    const { queues } = topologyOf(SPEC, SETTINGS);
    expect(queues.map(({ stage }) => stage)).toEqual(['upper', 'sink']);
    expect(queues[0]).toEqual({
      stage: 'upper',
      stream: {
        name: 'leat_cities_upper',
        subjects: ['leat.v1.cities.upper.*'],
        retention: 'workqueue',
        storage: 'file',
        discard: 'new',
        max_msgs: 50,
        max_bytes: 1_000,
        num_replicas: 3,
        duplicate_window: 120_000_000_000,
        metadata: { 'leat-limits': '50 1000' },
      },
      consumer: {
        durable_name: 'upper',
        filter_subject: 'leat.v1.cities.upper.*',
        ack_policy: 'explicit',
        ack_wait: 2_500_000_000,
        max_deliver: -1,
        max_ack_pending: 50,
      },
    });
  });

  test('keeps receipts as work and dead letters until they are removed', () => {
    const { receipts, dead, bucket, settings } = topologyOf(SPEC, SETTINGS);
    expect(receipts).toMatchObject({
      name: 'leat_cities_receipts',
      subjects: ['leat.v1.cities.receipts.*'],
      retention: 'workqueue',
      max_msgs: -1,
      max_bytes: 1_000,
    });
    expect(dead).toMatchObject({
      name: 'leat_cities_dead',
      subjects: ['leat.v1.cities.dead.*', 'leat.v1.cities.dead.*.settled'],
      retention: 'limits',
      discard: 'new',
      max_msgs: -1,
      max_bytes: 1_000,
    });
    expect(bucket).toBe('leat_cities');
    expect(settings).toBe(SETTINGS);
  });

  test('bounds every queue by default', () => {
    const { queues, receipts, dead } = topologyOf(SPEC, DEFAULT_TOPOLOGY_SETTINGS);
    for (const { stream } of queues) expect(stream.max_msgs).toBe(2_000);
    for (const stream of [...queues.map((queue) => queue.stream), receipts, dead]) {
      expect(stream.max_bytes).toBe(268_435_456);
      expect(stream.discard).toBe('new');
    }
  });

  test('never lets two streams claim one subject', () => {
    const { queues, receipts, dead } = topologyOf(SPEC, SETTINGS);
    const streams = [...queues.map(({ stream }) => stream), receipts, dead];
    for (const key of ['name', 'subjects'] as const) {
      expect(new Set(streams.map((stream) => String(stream[key]))).size).toBe(streams.length);
    }
  });
});

describe('receiptsConsumerOf', () => {
  test('reads the receipts of one run', () => {
    expect(receiptsConsumerOf('cities', 'r1', 'run-r1', SETTINGS)).toMatchObject({
      durable_name: 'run-r1',
      filter_subject: 'leat.v1.cities.receipts.r1',
      max_deliver: -1,
      max_ack_pending: 1_024,
    });
  });
});
