import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { consumerDrifts, driftText, streamDrifts } from './drift.ts';
import {
  asItWasMade,
  DEFAULT_TOPOLOGY_SETTINGS,
  streamsOf,
  topologyOf,
  type TopologyObject,
} from './topology.ts';

const TOPOLOGY = topologyOf(
  {
    name: 'cities',
    stages: [
      { name: 'source', kind: 'fetcher' },
      { name: 'place', kind: 'saver', from: 'source' },
    ],
  },
  DEFAULT_TOPOLOGY_SETTINGS,
);
const STREAMS = [...streamsOf(TOPOLOGY), { kind: 'bodies' as const, stream: TOPOLOGY.bodies }];
const { consumer } = TOPOLOGY.queues[0]!;

function streamOf(kind: TopologyObject) {
  return STREAMS.find((each) => each.kind === kind)!.stream;
}

/** What a server adds to the configuration that it was given. */
const ADDED_BY_SERVERS = {
  max_consumers: -1,
  max_age: 0,
  max_msg_size: -1,
  compression: 'none',
  allow_direct: false,
  mirror_direct: false,
  sealed: false,
  deny_delete: false,
  deny_purge: false,
  allow_rollup_hdrs: false,
  consumer_limits: {},
  metadata: { '_nats.ver': '2.15.2' },
};

describe('a stream', () => {
  test.each(STREAMS)('$kind as a server makes it of the wish has no drift', ({ kind, stream }) => {
    const added = { ...ADDED_BY_SERVERS, max_msgs_per_subject: -1 };
    expect(streamDrifts(kind, stream, { ...added, ...stream })).toEqual([]);
  });

  test.each<[string, unknown, Partial<ReturnType<typeof streamDrifts>[0]>]>([
    ['retention', 'limits', { code: 'wrong-retention', isVital: true }],
    ['discard', 'old', { code: 'discard-old', repair: 'change', isVital: true }],
    ['max_msgs', 5, { code: 'limit-lowered', repair: 'change', wanted: 2_000 }],
    ['max_bytes', 5, { code: 'limit-lowered', repair: 'change' }],
    ['max_msg_size', 5, { code: 'limit-lowered', repair: 'change', wanted: -1 }],
    ['max_consumers', 1, { code: 'limit-lowered', repair: 'change', wanted: -1 }],
    ['max_age', 9, { code: 'messages-expire', repair: 'change', wanted: 0 }],
    ['max_msgs_per_subject', 5, { code: 'messages-expire', repair: 'change', wanted: -1 }],
    ['discard_new_per_subject', true, { code: 'stream-drifted', repair: 'change' }],
    ['no_ack', true, { code: 'stream-drifted', repair: 'change', isVital: true }],
    ['sealed', true, { code: 'stream-sealed', repair: 'remake', isVital: true }],
    ['duplicate_window', 1e9, { code: 'duplicate-window-short', repair: 'change' }],
    ['subject_transform', { src: 'a', dest: 'b' }, { code: 'stream-drifted', repair: 'change' }],
    ['mirror', { name: 'other' }, { code: 'stream-drifted' }],
    ['deny_purge', true, { code: 'stream-drifted' }],
    ['a_field_of_tomorrow', 'on', { code: 'stream-drifted', isVital: false }],
  ])('with %s %j says what that is', (field, found, drift) => {
    const drifts = streamDrifts('queue', streamOf('queue'), {
      ...streamOf('queue'),
      [field]: found,
    });
    expect(drifts).toMatchObject([{ field, found, ...drift }]);
    if (!('repair' in drift)) expect(drifts[0]).not.toHaveProperty('repair');
  });

  test('is made again only where its messages are sent again', () => {
    const isRemade = (kind: TopologyObject): boolean =>
      streamDrifts(kind, streamOf(kind), { ...streamOf(kind), sealed: true }).some(
        ({ repair }) => repair === 'remake',
      );
    expect(STREAMS.filter(({ kind }) => isRemade(kind)).map(({ kind }) => kind)).toEqual([
      'queue',
      'receipts',
    ]);
  });

  test('is sealed, and nothing else, by what a server sets with it', () => {
    const found = { ...streamOf('dead'), sealed: true, deny_delete: true, deny_purge: true };
    expect(streamDrifts('dead', streamOf('dead'), found).map(({ code }) => code)).toEqual([
      'stream-sealed',
    ]);
  });

  test('keeps the subjects that others have put there', () => {
    const wish = streamOf('queue');
    const drifts = (subjects?: readonly string[]) =>
      streamDrifts('queue', wish, { ...wish, subjects });
    const [own] = wish.subjects;
    expect(drifts(['a'])).toMatchObject([{ repair: 'change', wanted: [own, 'a'], isVital: true }]);
    expect(drifts()).toMatchObject([{ repair: 'change', wanted: [own] }]);
    const [more] = drifts(['a', own!]);
    expect(more).toMatchObject({ code: 'wrong-subjects', isVital: false });
    expect(more).not.toHaveProperty('repair');
  });

  test('may have an age if it is that of dead letters', () => {
    const aged = { ...streamOf('dead'), max_age: 9 };
    expect(streamDrifts('dead', streamOf('dead'), aged)).toEqual([]);
    expect(
      streamDrifts('bucket', streamOf('bucket'), { ...streamOf('bucket'), max_age: 9 }),
    ).toMatchObject([{ code: 'messages-expire', repair: 'change' }]);
  });

  test('whose repairs are made has no drift that could be repaired: any edits together', () => {
    const edits = fc.record(
      {
        max_msgs: fc.integer({ min: -1, max: 3_000 }),
        max_bytes: fc.integer({ min: -1, max: 300_000_000 }),
        max_msg_size: fc.integer({ min: -1, max: 5_000_000 }),
        max_age: fc.integer({ min: 0, max: 1e12 }),
        duplicate_window: fc.integer({ min: 0, max: 200_000_000_000 }),
        discard: fc.constantFrom('old', 'new'),
        no_ack: fc.boolean(),
        subjects: fc.array(fc.string({ minLength: 1 })),
        replicas: fc.constantFrom(1, 3),
        description: fc.string(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.constantFrom(...STREAMS), edits, ({ kind, stream }, edit) => {
        const found: Record<string, unknown> = { ...stream, ...edit };
        for (const { field, wanted, repair } of streamDrifts(kind, stream, found)) {
          if (repair !== undefined) found[field] = wanted;
        }
        const left = streamDrifts(kind, stream, found);
        expect(left.filter(({ repair, isVital }) => repair !== undefined || isVital)).toEqual([]);
      }),
    );
  });
});

describe('a consumer', () => {
  test('as a server makes it of the wish has no drift', () => {
    const found = {
      name: 'place',
      deliver_policy: 'all',
      replay_policy: 'instant',
      max_waiting: 512,
      num_replicas: 0,
      pause_until: '2026-11-27T23:45:52Z',
      ...consumer,
    };
    expect(consumerDrifts(consumer, found, false)).toEqual([]);
    expect(consumerDrifts(consumer, found, true)).toMatchObject([
      { code: 'consumer-paused', repair: 'change' },
    ]);
  });

  test.each<[string, unknown, string, string]>([
    ['max_deliver', 2, 'max-deliver', 'remake'],
    ['filter_subject', 'a', 'consumer-drifted', 'remake'],
    ['ack_policy', 'none', 'consumer-drifted', 'remake'],
    ['deliver_subject', 'a', 'consumer-drifted', 'remake'],
    ['backoff', [1, 2], 'consumer-drifted', 'remake'],
    ['headers_only', true, 'consumer-drifted', 'remake'],
    ['max_batch', 1, 'consumer-drifted', 'remake'],
    ['inactive_threshold', 5e9, 'consumer-drifted', 'remake'],
    ['max_waiting', 1, 'consumer-drifted', 'remake'],
    ['a_field_of_tomorrow', 1, 'consumer-drifted', 'remake'],
    ['max_ack_pending', 5, 'ack-pending-low', 'change'],
    ['ack_wait', 300e9, 'ack-wait-long', 'change'],
    ['ack_wait', 1e9, 'ack-wait-short', 'change'],
  ])('with %s %j', (field, found, code, repair) => {
    const drifts = consumerDrifts(consumer, { ...consumer, [field]: found }, false);
    expect(drifts).toMatchObject([{ field, found, code, repair }]);
  });

  test.each([
    ['ack_wait', 5e9],
    ['ack_wait', 60e9],
    ['max_ack_pending', -1],
    ['max_ack_pending', 5_000],
    ['max_waiting', 9_000],
    ['description', 'ours'],
    ['mem_storage', true],
  ])('may have %s %j', (field, found) => {
    expect(consumerDrifts(consumer, { ...consumer, [field]: found }, false)).toEqual([]);
  });
});

describe('a drift in words', () => {
  test.each([
    [{ field: 'max_bytes', found: 5, wanted: -1 }, 'max_bytes is 5, wanted -1'],
    [{ field: 'ack_wait', found: 300e9, wanted: 10e9 }, 'ack_wait is 300 s, wanted 10 s'],
    [{ field: 'discard', found: undefined, wanted: 'new' }, 'discard is not set, wanted new'],
    [{ field: 'backoff', found: [1], wanted: null }, 'backoff is [1], wanted not set'],
    [{ field: 'sealed', found: true, wanted: false }, 'sealed is true, wanted false'],
    [{ field: 'max_age', found: 'x', wanted: 0 }, 'max_age is x, wanted 0'],
  ])('%j', (difference, text) => {
    expect(driftText({ code: 'stream-drifted', isVital: false, ...difference })).toBe(text);
  });
});

describe('a stream as it was made', () => {
  const wish = streamOf('queue');

  test('has the limits that it says', () => {
    const found = { ...wish, max_msgs: 3, metadata: { 'leat-limits': '17 1000' } };
    expect(asItWasMade(wish, found)).toMatchObject({ max_msgs: 17, max_bytes: 1_000 });
  });

  test.each([
    ['nothing', undefined],
    ['something else', { other: '1' }],
    ['what is no limit', { 'leat-limits': 'many -5' }],
  ])('has those that it has, if it says %s', (_, metadata) => {
    expect(asItWasMade(wish, { ...wish, max_msgs: 3, metadata })).toMatchObject({
      max_msgs: 3,
      max_bytes: wish.max_bytes,
    });
    expect(asItWasMade(wish, {})).toEqual(wish);
  });

  test('has none where none are wanted', () => {
    const bucket = streamOf('bucket');
    expect(asItWasMade(bucket, { ...bucket, max_bytes: 5 })).toEqual(bucket);
  });
});
