import { describe, expect, test } from 'vitest';
import { diagnose } from './diagnose.ts';
import type { FindingCode } from './finding-code.ts';
import type { Examination } from './seen.ts';
import {
  type ConsumerChange,
  findings,
  healthy,
  PLACE,
  RECEIPTS,
  SETTINGS,
  told,
  TOPOLOGY,
  withConfig,
  withConsumer,
  WITHOUT_FILE,
  withStream,
} from './doctor.testsuite.ts';

const holding = (seen: Examination, max_ack_pending: number): Examination => ({
  ...seen,
  streams: seen.streams.map((stream) =>
    stream.config.name === PLACE
      ? {
          ...stream,
          consumers: stream.consumers.map((consumer) => ({
            ...consumer,
            config: { ...consumer.config, max_ack_pending },
          })),
        }
      : stream,
  ),
});

describe('consumers', () => {
  const subject = `consumer place of ${PLACE}`;

  test.each<[FindingCode, ConsumerChange, string]>([
    [
      'consumer-drifted',
      { config: { filter_subject: 'a.b' } },
      'filter_subject is a.b, wanted leat.v1.cities.place.*',
    ],
    ['consumer-drifted', { config: { ack_policy: 'none' } }, 'ack_policy is none, wanted explicit'],
    [
      'consumer-drifted',
      { config: { deliver_subject: 'd' } },
      'deliver_subject is d, wanted not set',
    ],
    ['consumer-drifted', { config: { backoff: [1, 2] } }, 'backoff is [1,2], wanted not set'],
    ['consumer-paused', { isPaused: true }, 'paused is true, wanted false'],
    ['max-deliver', { config: { max_deliver: 5 } }, 'max_deliver is 5, wanted -1'],
    ['ack-pending-low', { config: { max_ack_pending: 64 } }, 'max_ack_pending is 64, wanted 2000'],
    ['ack-wait-long', { config: { ack_wait: 300e9 } }, 'ack_wait is 300 s, wanted 10 s'],
    ['ack-wait-short', { config: { ack_wait: 0.6e9 } }, 'ack_wait is 0.6 s, wanted 10 s'],
  ])('%s: %j', (code, change, found) => {
    expect(told(withConsumer(change))).toEqual([`${code} ${subject}: ${found}`]);
  });

  test('without a filter are told', () => {
    const seen = withStream(PLACE, (stream) => ({
      ...stream,
      consumers: stream.consumers.map((consumer) => {
        const { filter_subject: _, ...config } = consumer.config;
        return { ...consumer, config: { ...config, backoff: [] } };
      }),
    }));
    expect(told(seen)).toEqual([
      `consumer-drifted ${subject}: filter_subject is not set, wanted leat.v1.cities.place.*`,
    ]);
  });

  test.each([
    { max_deliver: 5 },
    { max_ack_pending: 64 },
    { ack_wait: 300e9 },
    { headers_only: true },
    { backoff: [1, 2] },
  ])('with %j are repaired', (config) => {
    const [finding] = findings(withConsumer({ config }));
    const [{ consumer }] = TOPOLOGY.queues as [(typeof TOPOLOGY.queues)[0]];
    expect(finding?.mend).toEqual({ kind: 'repair-consumer', stream: PLACE, consumer });
  });

  test('may hold as much as the stream was made for, or without limit', () => {
    const small = withConfig(PLACE, { max_msgs: 17, metadata: {} });
    expect(told(holding(small, 17))).toEqual([]);
    expect(told(holding(small, 16))).toHaveLength(1);
    expect(told(holding(healthy(), -1))).toEqual([]);
    const endless = withConfig(PLACE, { max_msgs: -1 });
    expect(told(holding(endless, 1_999))).toHaveLength(1);
  });

  test('may have the ack_wait that the settings ask for', () => {
    const settings = { ...SETTINGS, ackWaitMs: 600 };
    const seen = withStream(PLACE, (stream) => ({
      ...stream,
      consumers: stream.consumers.map((consumer) => ({
        ...consumer,
        config: { ...consumer.config, ack_wait: 0.6e9 },
      })),
    }));
    expect(findings(seen, { settings })).toEqual([]);
    expect(findings(seen)).toMatchObject([{ code: 'ack-wait-short' }]);
  });

  test('that are missing can be made', () => {
    const [{ consumer }] = TOPOLOGY.queues as [(typeof TOPOLOGY.queues)[0]];
    const seen = withStream(PLACE, (stream) => ({ ...stream, consumers: [] }));
    for (const each of [findings(seen), diagnose(seen, WITHOUT_FILE)]) {
      expect(each).toMatchObject([
        {
          code: 'consumer-missing',
          subject: `stream ${PLACE}`,
          mend: { kind: 'create-consumer', stream: PLACE, consumer },
        },
      ]);
    }
  });

  test('of others take messages away', () => {
    for (const name of [PLACE, RECEIPTS]) {
      const seen = withStream(name, (stream) => ({
        ...stream,
        consumers: [...stream.consumers, { ...stream.consumers[0]!, name: 'spy' }],
      }));
      expect(told(seen)).toEqual([
        `consumer-drifted consumer spy of ${name}: it is not Leat’s, and takes messages`,
      ]);
    }
  });

  test('of receipts are held against their run', () => {
    const seen = withConsumer(
      { config: { filter_subject: 'leat.v1.cities.receipts.*' } },
      RECEIPTS,
    );
    expect(told(seen)).toEqual([
      `consumer-drifted consumer run-r1 of ${RECEIPTS}: filter_subject is leat.v1.cities.receipts.*, wanted leat.v1.cities.receipts.r1`,
    ]);
  });
});
