import type { SimulatedProcess } from '@leat/testing/simulation';
import type { PlantedBug } from './simulate.ts';
import {
  LeatError,
  Ledger,
  parseChunkId,
  type Receipt,
  type RunWish,
  type Settlement,
} from '@leat/core';
import type { PipelineConnection } from '@leat/runtime';
import type { MsgHdrs } from '@nats-io/transport-node';
import { PLANTED_BLUNDERS } from './planted-blunders.ts';
import { PLANTED_INLINE } from './planted-inline.ts';
import { PLANTED_JOINS } from './planted-joins.ts';
import { Row } from './rows.ts';

type SettleMethod = (this: Ledger, receipt: Receipt) => Settlement;

/** Whether a message in hand is a chunk for a mapper. */
const isForMapper = (reply: string): boolean => /_(?:work|again)\./.test(reply);

/** Bugs that others have had, each of which breaks one of the promises. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  { name: 'a ledger that counts receipts', install: countReceipts },
  {
    name: 'a mapper that acknowledges before it publishes',
    onHold: (reply, acknowledge) => {
      if (isForMapper(reply)) acknowledge();
    },
  },
  { name: 'a resend under the same message id', spoil: trustDuplicateWindow },
  { name: 'a sink without the chunk id as key', sink: { hasNoKeys: true } },
  { name: 'a sink that leaves out records in silence', sink: { leavesOutRecords: true } },
  { name: 'a sink that answers before it commits', sink: { answersBeforeCommit: true } },
  { name: 'a lease without compare-and-set', spoil: writeAnyway },
  {
    name: 'receipts that are acknowledged before the checkpoint',
    onHold: (reply, acknowledge) => {
      if (reply.includes('_receipts.')) acknowledge();
    },
  },
  { name: 'a fetcher that does not look for lost chunks', spoil: seeNothing },
  { name: 'savers that do not say which fence their sink has', spoil: sayNoFence },
  { name: 'replicas for which a cancellation outlives its wish', spoil: keepHearing('cancel') },
  { name: 'replicas that do not hear that a paused run goes on', spoil: keepHearing('pause') },
  {
    name: 'a fetcher that books the hook of a run before it has returned',
    bias: { hooked: 1 },
    spoil: bookBefore,
  },
  { name: 'a stop that acknowledges what is in hand', spoil: acknowledgeAtStop },
  { name: 'a record that is read otherwise at each execution', install: readOtherwise },
  ...PLANTED_BLUNDERS,
  ...PLANTED_INLINE,
  ...PLANTED_JOINS,
];

/** A fetcher that dies meanwhile leaves a hook that nobody calls again. */
function bookBefore({ runs }: PipelineConnection): void {
  const save = runs.save.bind(runs);
  runs.save = (run, progress, revision) => {
    const { hooks } = progress;
    if (hooks === undefined) return save(run, progress, revision);
    const ran = hooks.ran.map(({ id, name, attempts }) => ({ id, name, attempts }));
    return save(run, { ...progress, hooks: { ...hooks, ran } }, revision);
  };
}

/** A receipt that comes twice settles two chunks. */
function countReceipts(): () => void {
  const prototype = Ledger.prototype;
  const settle: SettleMethod = Reflect.get<Ledger, 'settle'>(prototype, 'settle');
  Ledger.prototype.settle = function count(this: Ledger, receipt: Receipt): Settlement {
    const id = parseChunkId(receipt.chunk);
    const [other] = this.inFlight();
    const isAgain = id !== undefined && this.isSettled(id.seq) && other !== undefined;
    return settle.call(this, isAgain ? { ...receipt, chunk: `${other.seq}` } : receipt);
  };
  return () => {
    Ledger.prototype.settle = settle;
  };
}

function trustDuplicateWindow({ publisher }: PipelineConnection): void {
  const publish = publisher.publish.bind(publisher);
  publisher.publish = (subject, body, headers: MsgHdrs, signal) => {
    const id = headers.get('Nats-Msg-Id');
    if (id !== '') headers.set('Nats-Msg-Id', id.replace(/\+.*/, ''));
    return publish(subject, body, headers, signal);
  };
}

function writeAnyway({ runs }: PipelineConnection): void {
  const save = runs.save.bind(runs);
  runs.save = async (run, progress, revision) => {
    try {
      return await save(run, progress, revision);
    } catch (error) {
      if (!(error instanceof LeatError)) throw error;
      const found = await runs.progress(run);
      return save(run, progress, found?.revision ?? 0);
    }
  };
}

function seeNothing({ manager }: PipelineConnection): void {
  const info = manager.streams.info.bind(manager.streams);
  manager.streams.info = (name, options) =>
    options?.subjects_filter?.includes('leat.v1') === true
      ? Promise.reject(new Error('not looking'))
      : info(name, options);
}

function sayNoFence({ runs: { notes } }: PipelineConnection): void {
  const tell = notes.tellTrouble.bind(notes);
  notes.tellTrouble = (run, { stage, reason, at }) => tell(run, { stage, reason, at });
}

/** What mappers and savers have heard once, they hear for ever. */
function keepHearing(wish: RunWish): NonNullable<PlantedBug['spoil']> {
  return ({ runs: { wishes } }) => {
    const look = wishes.look.bind(wishes);
    let heard: Awaited<ReturnType<typeof look>> | undefined;
    wishes.look = async (run) => {
      const said = heard ?? (await look(run));
      if (said.wish === wish) heard = said;
      return said;
    };
  };
}

/** A process that is told to stop is done with its messages at once. */
function acknowledgeAtStop({ holder, nats }: PipelineConnection, { stop }: SimulatedProcess): void {
  const hold = holder.hold.bind(holder);
  const held = new Set<string>();
  holder.hold = (reply, blockLimitMs) => {
    const release = hold(reply, blockLimitMs);
    held.add(reply);
    return () => {
      held.delete(reply);
      release();
    };
  };
  stop.signal.addEventListener('abort', () => {
    for (const reply of held) nats.publish(reply, '+ACK');
  });
}

/** A key that the schema takes out of a record stays there now and then. */
function readOtherwise(): () => void {
  // oxlint-disable-next-line no-underscore-dangle -- that is its name
  const parts = Row._zod;
  const run = parts.run.bind(parts);
  parts.run = (payload, context) => {
    const { more } = payload.value as { readonly more?: unknown };
    const result = run(payload, context);
    const isKept = more !== undefined && context.direction !== 'backward' && Math.random() < 0.5;
    if (isKept && !(result instanceof Promise)) Object.assign(result.value as object, { more });
    return result;
  };
  return () => {
    parts.run = run;
  };
}
