import type { Topology } from '@leat/core';
import type { StreamConfig } from '@nats-io/jetstream';
import { describe, expect, test } from 'vitest';
import { hold, outcomeOf, type Scene } from '../support/held-run.ts';
import { sharedServer } from '../support/jetstream.ts';

const SEEDS = Number(process.env['LEAT_OPERATOR_SEEDS'] ?? 1);

/** Something that an operator does by the `nats` command. */
type Edit = (scene: Scene) => Promise<unknown>;

const queue = ({ queues }: Topology, stage: 'work' | 'out'): string =>
  queues.find((each) => each.stage === stage)!.stream.name;

function stream(which: (topology: Topology) => string, change: object): Edit {
  return ({ manager, topology }) =>
    manager.streams.update(which(topology), change as Partial<StreamConfig>);
}

function consumer(stage: 'work' | 'out', change: object): Edit {
  return async ({ manager, topology }) => {
    const name = queue(topology, stage);
    // Some fields can be set by making it again only.
    await manager.consumers.update(name, stage, change).catch(async () => {
      const wanted = topology.queues.find((each) => each.stage === stage)!.consumer;
      await manager.consumers.delete(name, stage);
      await manager.consumers.add(name, { ...wanted, ...change });
    });
  };
}

const work = (topology: Topology): string => queue(topology, 'work');
const out = (topology: Topology): string => queue(topology, 'out');
const receipts = ({ receipts: { name } }: Topology): string => name;
const dead = ({ dead: { name } }: Topology): string => name;
const bucket = ({ entries: { name } }: Topology): string => name;
const entry =
  (kind: string): Edit =>
  ({ manager, topology, run }) =>
    manager.streams.purge(bucket(topology), { filter: `$KV.${topology.bucket}.${kind}.${run}` });

/** What is repaired: the run ends as if nothing had been done. */
const REPAIRED: Readonly<Record<string, Edit>> = {
  'max_deliver 2': consumer('work', { max_deliver: 2 }),
  'ack_wait 300 s': consumer('out', { ack_wait: 300e9 }),
  'max_ack_pending 1': consumer('work', { max_ack_pending: 1 }),
  'another filter': consumer('work', { filter_subject: 'leat.v1.nobody' }),
  'headers only': consumer('out', { headers_only: true }),
  'a back-off': consumer('work', { backoff: [60e9, 90e9], max_deliver: 5 }),
  'a pause': ({ manager, topology }) =>
    manager.consumers.pause(work(topology), 'work', new Date(Date.now() + 3_600_000)),
  'a consumer removed': ({ manager, topology }) => manager.consumers.delete(out(topology), 'out'),
  'max_bytes of a queue': stream(work, { max_bytes: 1 }),
  'max_msgs of a queue': stream(out, { max_msgs: 1 }),
  'max_msg_size of a queue': stream(out, { max_msg_size: 10 }),
  'max_age of a queue': stream(work, { max_age: 3_600e9 }),
  'max_bytes of receipts': stream(receipts, { max_bytes: 1 }),
  'max_bytes of dead letters': stream(dead, { max_bytes: 1 }),
  'max_msg_size of dead letters': stream(dead, { max_msg_size: 10 }),
  'max_bytes of the bucket': stream(bucket, { max_bytes: 1 }),
  'max_msg_size of the bucket': stream(bucket, { max_msg_size: 10 }),
  'discard old': stream(work, { discard: 'old' }),
  'no answers': stream(out, { no_ack: true }),
  'other subjects': stream(work, { subjects: ['leat.v1.nobody.at.all'] }),
  'a queue sealed': stream(work, { sealed: true }),
  'receipts sealed': stream(receipts, { sealed: true }),
  'a queue removed': ({ manager, topology }) => manager.streams.delete(out(topology)),
  'a queue purged': ({ manager, topology }) => manager.streams.purge(work(topology)),
  'the bucket removed': ({ manager, topology }) => manager.streams.delete(bucket(topology)),
  'the run forgotten': entry('run'),
  'its progress forgotten': entry('progress'),
};

/** What only an operator can take back: the status says what it is, unless the run ends all the same. */
const NAMED: Readonly<Record<string, readonly [Edit, RegExp]>> = {
  'dead letters sealed': [stream(dead, { sealed: true }), /_dead: sealed is true/],
  'the bucket sealed': [stream(bucket, { sealed: true }), /KV_leat_.*: sealed is true/],
  'another retention': [
    async ({ manager, topology }) => {
      const [{ stream: wanted }] = topology.queues as [Topology['queues'][0]];
      await manager.streams.delete(wanted.name);
      const { name, subjects } = wanted;
      await manager.streams.add({ name, subjects: [...subjects], retention: 'limits' });
    },
    /_work: retention is limits, wanted workqueue/,
  ],
  'subjects taken by another stream': [
    async ({ manager, topology }) => {
      const [{ stream: wanted }] = topology.queues as [Topology['queues'][0]];
      await manager.streams.delete(wanted.name);
      await manager.streams.add({ name: `thief_${wanted.name}`, subjects: [...wanted.subjects] });
    },
    /_work: .*thief_leat_.* has its subjects/,
  ],
};

/** In an order that a seed decides. */
function shuffled<T>(all: readonly T[], seed: number): T[] {
  let state = seed;
  const next = (): number => (state = (state * 48_271) % 2_147_483_647);
  return all
    .map((each) => ({ each, at: next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ each }) => each);
}

function inGroups<T>(all: readonly T[], size: number): T[][] {
  const groups: T[][] = [];
  for (let from = 0; from < all.length; from += size) groups.push(all.slice(from, from + size));
  return groups;
}

/** One after the other, as an operator types; what is gone by then cannot be edited. */
async function edit(scene: Scene, names: readonly string[]): Promise<void> {
  for (const name of names) await REPAIRED[name]!(scene).catch(() => undefined);
}

describe('an operator on a running pipeline', () => {
  const server = sharedServer(undefined);

  test('who edits what can be repaired does not keep it from its end', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      // Alone in the first seed, in groups that chance has made in the others.
      const names = shuffled(Object.keys(REPAIRED), seed);
      const outcomes = await Promise.all(
        inGroups(names, 4).map(async (group) => {
          await using held = await hold(server().url);
          await edit(held, group);
          held.letGo();
          return [`${seed}: ${group.join(', ')}`, await outcomeOf(held)] as const;
        }),
      );
      expect(outcomes.filter(([, outcome]) => outcome !== 'ended')).toEqual([]);
    }
  }, 120_000);

  test('who edits what cannot is named by the status', async () => {
    const outcomes = await Promise.all(
      Object.entries(NAMED).map(async ([name, [make, named]]) => {
        await using held = await hold(server().url);
        await make(held);
        held.letGo();
        return [name, await outcomeOf(held, named)] as const;
      }),
    );
    expect(outcomes.filter(([, outcome]) => !/^(?:named|ended)$/.test(outcome))).toEqual([]);
    expect(outcomes.filter(([, outcome]) => outcome === 'named').length).toBeGreaterThan(2);
  }, 120_000);
});
