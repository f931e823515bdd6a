import type { TopologyObject, WantedConsumer, WantedStream } from './topology.ts';

/** What an object on the server is when it is not as Leat wants it, as a closed list. */
export type DriftCode =
  | 'wrong-retention'
  | 'wrong-subjects'
  | 'discard-old'
  | 'messages-expire'
  | 'limit-lowered'
  | 'duplicate-window-short'
  | 'stream-sealed'
  | 'stream-drifted'
  | 'max-deliver'
  | 'ack-pending-low'
  | 'ack-wait-long'
  | 'ack-wait-short'
  | 'consumer-paused'
  | 'consumer-drifted';

/**
 * How a drift is put right. `change`: the field is set. `remake`: the object is removed and made again, where
 * nothing is lost by it: a consumer of a stream that keeps its messages, or a stream whose messages are sent again.
 */
type Repair = 'change' | 'remake';

/** One field that is not as wanted, as data: doctor, status and log make sentences of it. */
export interface Drift {
  readonly code: DriftCode;
  readonly field: string;
  readonly wanted: unknown;
  readonly found: unknown;
  /** Absent where it is not Leat's to repair, or a server cannot. */
  readonly repair?: Repair;
  /** Whether correctness rests on it: a service does not work with what cannot be repaired. */
  readonly isVital: boolean;
}

type Config = Readonly<Record<string, unknown>>;
type Verdict = Pick<Drift, 'code' | 'repair'> & {
  readonly isVital?: true;
  /** The value that repairs it, where that is not the wish itself. */
  readonly wanted?: unknown;
};
/** What a difference means; `undefined` for what an operator may choose. */
type Rule = (wanted: unknown, found: unknown) => Verdict | undefined;

const chosen: Rule = () => undefined;
const always =
  (verdict: Verdict): Rule =>
  () =>
    verdict;
/** More than is wanted does no harm; no limit at all is the most. */
const notBelow =
  (verdict: Verdict): Rule =>
  (wanted, found) =>
    most(found) < most(wanted) ? verdict : undefined;
const changed = (code: DriftCode): Verdict => ({ code, repair: 'change' });

/** What differs and has no rule is told, and left alone: newer servers have more fields. */
const STREAM_RULES: Readonly<Record<string, Rule>> = {
  ...choices(
    'name description metadata placement num_replicas storage compression allow_direct mirror_direct',
    'allow_rollup_hdrs allow_msg_ttl allow_atomic allow_batched republish',
  ),
  retention: always({ code: 'wrong-retention', isVital: true }),
  subjects: (wanted, found) => {
    const [wish, there] = [listOf(wanted), listOf(found)];
    const isThere = wish.every((subject) => there.includes(subject));
    // What else somebody has put there stays: others may publish to it.
    const all = [...wish, ...there.filter((subject) => !wish.includes(subject))];
    return isThere
      ? { code: 'wrong-subjects' }
      : { code: 'wrong-subjects', repair: 'change', isVital: true, wanted: all };
  },
  discard: always({ ...changed('discard-old'), isVital: true }),
  discard_new_per_subject: always({ ...changed('stream-drifted'), wanted: false }),
  no_ack: always({ ...changed('stream-drifted'), isVital: true, wanted: false }),
  subject_transform: always(changed('stream-drifted')),
  sealed: always({ code: 'stream-sealed', repair: 'remake', isVital: true, wanted: false }),
  max_age: notBelow({ ...changed('messages-expire'), wanted: 0 }),
  max_msgs_per_subject: notBelow({ ...changed('messages-expire'), wanted: -1 }),
  max_msgs: notBelow(changed('limit-lowered')),
  max_bytes: notBelow(changed('limit-lowered')),
  max_msg_size: notBelow({ ...changed('limit-lowered'), wanted: -1 }),
  max_consumers: notBelow({ ...changed('limit-lowered'), wanted: -1 }),
  duplicate_window: notBelow(changed('duplicate-window-short')),
};

const CONSUMER_RULES: Readonly<Record<string, Rule>> = {
  ...choices('durable_name name description metadata num_replicas mem_storage sample_freq'),
  // Whether it is paused now is told beside the configuration.
  pause_until: chosen,
  paused: always({ ...changed('consumer-paused'), wanted: false }),
  filter_subject: always({ code: 'consumer-drifted', repair: 'remake', isVital: true }),
  ack_policy: always({ code: 'consumer-drifted', repair: 'remake', isVital: true }),
  deliver_subject: always({ code: 'consumer-drifted', repair: 'remake', isVital: true }),
  // What had been delivered that often would never come again, whatever is changed.
  max_deliver: always({ code: 'max-deliver', repair: 'remake', isVital: true }),
  max_ack_pending: notBelow(changed('ack-pending-low')),
  max_waiting: notBelow({ code: 'consumer-drifted', repair: 'remake' }),
  ack_wait: (_, found) => {
    const code = ackWaitCode(found);
    return code && changed(code);
  },
};
const OTHER_OF_STREAM = always({ code: 'stream-drifted' });
const OTHER_OF_CONSUMER = always({ code: 'consumer-drifted', repair: 'remake' });

/** What a server sets in a consumer of which nothing was said. */
const CONSUMER_DEFAULTS: Config = {
  deliver_policy: 'all',
  replay_policy: 'instant',
  max_waiting: 512,
};

const MAX_ACK_WAIT = 60_000_000_000; // 60 s
const MIN_ACK_WAIT = 2_000_000_000; // 2 s

/** What can be made again without loss: its messages are sent again, since the source and the sinks have all. */
const IS_TRANSPORT: Readonly<Record<TopologyObject, boolean>> = {
  queue: true,
  receipts: true,
  // It may have blobs of the user's, too, and they are nowhere else.
  bodies: false,
  dead: false,
  bucket: false,
};

/**
 * Compares a stream as a whole with what Leat wants: what is not said in the wish must not be set.
 *
 * @param found its configuration, as the server has it
 */
export function streamDrifts(kind: TopologyObject, wanted: WantedStream, found: Config): Drift[] {
  // A bound on the age of dead letters is the operator's to choose.
  const rules = kind === 'dead' ? { ...STREAM_RULES, max_age: chosen } : STREAM_RULES;
  // A server sets these with `sealed`, and takes them back with nothing.
  const { sealed = false } = found;
  const ownWords = sealed === true ? { ...rules, deny_delete: chosen, deny_purge: chosen } : rules;
  const drifts = differences(ownWords, OTHER_OF_STREAM, { ...wanted }, found);
  if (IS_TRANSPORT[kind]) return drifts;
  return drifts.map(withoutRemake);
}

/**
 * As {@link streamDrifts}, for a consumer.
 *
 * @param isPaused whether it is paused on the server
 */
export function consumerDrifts(wanted: WantedConsumer, found: Config, isPaused: boolean): Drift[] {
  const wish = { ...CONSUMER_DEFAULTS, ...wanted };
  const all = { ...CONSUMER_DEFAULTS, ...found, paused: isPaused };
  return differences(CONSUMER_RULES, OTHER_OF_CONSUMER, wish, all);
}

function withoutRemake(drift: Drift): Drift {
  const { repair, ...rest } = drift;
  return repair === 'remake' ? rest : drift;
}

/** `max_deliver is 2, wanted -1`. */
export function driftText({ field, wanted, found }: Drift): string {
  return `${field} is ${shown(field, found)}, wanted ${shown(field, wanted)}`;
}

function differences(
  rules: Readonly<Record<string, Rule>>,
  other: Rule,
  wish: Config,
  found: Config,
): Drift[] {
  const fields = new Set([...Object.keys(wish), ...Object.keys(found)]);
  return [...fields].flatMap((field) => {
    const [want, have] = [wish[field], found[field]];
    if (isSame(want, have)) return [];
    const verdict = (rules[field] ?? other)(want, have);
    if (verdict === undefined) return [];
    return [{ isVital: false, field, wanted: want, found: have, ...verdict }];
  });
}

function choices(...fields: readonly string[]): Record<string, Rule> {
  return Object.fromEntries(fields.flatMap((line) => line.split(' ')).map((f) => [f, chosen]));
}

/** Servers leave out what is not set, or say so in a way that depends on the field. */
function isSame(a: unknown, b: unknown): boolean {
  return (isUnset(a) && isUnset(b)) || JSON.stringify(a) === JSON.stringify(b);
}

function isUnset(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true;
  if (typeof value === 'object') return Object.keys(value).length === 0;
  return value === 0 || value === -1;
}

/** A limit of 0 or less, or one that is not said, is none. */
function most(limit: unknown): number {
  return typeof limit === 'number' && limit > 0 ? limit : Number.POSITIVE_INFINITY;
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function ackWaitCode(ackWait: unknown): 'ack-wait-long' | 'ack-wait-short' | undefined {
  if (most(ackWait) > MAX_ACK_WAIT) return 'ack-wait-long';
  return most(ackWait) < MIN_ACK_WAIT ? 'ack-wait-short' : undefined;
}

const NANOSECONDS: ReadonlySet<string> = new Set(['ack_wait', 'max_age', 'duplicate_window']);

function shown(field: string, value: unknown): string {
  if (typeof value === 'boolean' || value === 0 || value === -1) return String(value);
  if (isUnset(value)) return 'not set';
  if (NANOSECONDS.has(field) && typeof value === 'number') return `${value / 1e9} s`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
