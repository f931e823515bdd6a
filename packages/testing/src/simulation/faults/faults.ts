import type { RunWish } from '@leat/core';
import { BLUNDERS } from './blunders.ts';
import type { Fault, Target } from './fault.ts';
import type { ModelStream } from '../model/model-stream.ts';
import { NOTHING } from '../model/model-wire.ts';
import type { Random } from '../random.ts';

const FAULTS: readonly Fault[] = [
  {
    name: 'kill',
    strike: (world, random) => {
      const process = random.pick(world.processes);
      const acts = random.chance(0.4) ? 0 : random.between(1, 25);
      process.killAfter(acts);
      return `${process.name} after ${acts} acts`;
    },
  },
  {
    name: 'stop',
    strike: (world, random) => {
      const process = random.pick(world.processes);
      process.terminate();
      return process.name;
    },
  },
  {
    name: 'pause',
    strike: (world, random) => {
      const process = random.pick(world.processes);
      const ms = random.pick([500, 5_000, 15_000, 40_000]);
      process.pause(ms);
      return `${process.name} for ${ms} ms`;
    },
  },
  {
    name: 'server restart',
    strike: ({ server }, random) => {
      const downMs = random.pick([50, 1_000, 7_000]);
      const isForgetful = random.chance(0.3);
      server.restart(downMs, isForgetful);
      return `down for ${downMs} ms${isForgetful ? ', consumers forgotten' : ''}`;
    },
  },
  {
    name: 'no leader',
    strike: ({ server, clock }, random) => {
      const ms = random.pick([500, 6_000]);
      server.hasLeader = false;
      clock.after(ms, undefined, () => {
        server.hasLeader = true;
      });
      return `for ${ms} ms`;
    },
  },
  {
    name: 'lose stored messages',
    strike: (world, random) => {
      const stream = pickStream(world, random);
      if (stream === undefined) return 'no stream';
      const lost = [...stream.messages.keys()].filter(() => random.chance(0.5));
      for (const seq of lost) {
        stream.remove(seq);
        for (const consumer of stream.consumers.values()) consumer.forget(seq);
      }
      return `${lost.length} of ${stream.config.name}`;
    },
  },
  {
    name: 'wipe a stream',
    strike: (world, random) => {
      const stream = pickStream(world, random);
      if (stream === undefined) return 'no stream';
      world.server.deleteStream(stream.config.name);
      return stream.config.name;
    },
  },
  {
    name: 'delete a consumer',
    strike: (world, random) => {
      const stream = pickStream(world, random);
      for (const name of stream?.consumers.keys() ?? []) stream?.deleteConsumer(name);
      return stream?.config.name ?? 'no stream';
    },
  },
  {
    name: 'wipe the bucket',
    strike: (world) => {
      for (const name of world.server.streams.keys()) {
        if (name.startsWith('KV_')) world.server.deleteStream(name);
      }
      world.forgetCheckpoints();
      return 'gone';
    },
  },
  {
    name: 'wipe everything',
    strike: (world) => {
      world.wipe();
      return 'gone';
    },
  },
  {
    name: 'end acknowledgement windows',
    strike: ({ server }, random) => {
      let count = 0;
      for (const stream of server.streams.values()) {
        for (const consumer of stream.consumers.values()) {
          for (const seq of consumer.held()) {
            if (!random.chance(0.5)) continue;
            consumer.expire(seq);
            count++;
          }
        }
      }
      return `${count} delivered again`;
    },
  },
  {
    name: 'rest',
    strike: (world, random) => {
      const ms = random.pick([500, 8_000]);
      setWish(world, 'pause');
      world.clock.after(ms, undefined, () => setWish(world, 'run'));
      return `the operator lets the run rest for ${ms} ms`;
    },
  },
  {
    name: 'a cancellation that is taken back',
    strike: (world, random) => {
      const ms = random.pick([100, 900, 2_000]);
      // Mostly the fetchers do not see it, and the run goes on.
      for (const deployment of world.deployments) deployment.pauseFetchers(ms + 500);
      setWish(world, 'cancel');
      world.clock.after(ms, undefined, () => setWish(world, 'run'));
      return `after ${ms} ms`;
    },
  },
  {
    name: 'fences ahead',
    strike: ({ sink }, random) => {
      const byMs = random.pick([1, 60_000, 86_400_000]);
      sink.putFencesAhead(byMs);
      return `the sinks have fences ${byMs} above what they were`;
    },
  },
  {
    name: 'sink locked',
    strike: ({ sink, clock }, random) => {
      const ms = random.pick([5_000, 40_000]);
      const isLost = random.chance(0.2);
      sink.isLocked = true;
      clock.after(ms, undefined, () => sink.unlock(isLost));
      return `for ${ms} ms${isLost ? ', and it never answers' : ''}`;
    },
  },
  {
    name: 'sink away',
    strike: ({ sink, clock }, random) => {
      const ms = random.pick([1_000, 10_000, 60_000]);
      sink.isAway = true;
      clock.after(ms, undefined, () => {
        sink.isAway = false;
      });
      return `for ${ms} ms`;
    },
  },
];

/** Writes what operators want into the buckets that there are. */
function setWish({ server }: Target, wish: RunWish): void {
  for (const bucket of server.streams.values()) {
    if (!bucket.config.name.startsWith('KV_')) continue;
    bucket.publish({
      subject: `$KV.${bucket.config.name.slice(3)}.wish.run`,
      reply: '',
      headers: NOTHING,
      data: Buffer.from(JSON.stringify(wish)),
    });
  }
}

/** Any stream but the dead letters', which have nobody to write them again. */
function pickStream({ server }: Target, random: Random): ModelStream | undefined {
  const streams = [...server.streams.values()].filter(({ isQueue }) => isQueue);
  return streams.length === 0 ? undefined : random.pick(streams);
}

/**
 * Draws what goes wrong in a run and when; most of it early, while there is something to disturb.
 *
 * @returns when the last of it begins, in milliseconds
 */
export function planFaults(world: Target, random: Random): number {
  const kinds = [...FAULTS, ...BLUNDERS].filter(() => random.chance(0.5));
  const count = kinds.length === 0 ? 0 : random.pick([0, 2, 4, 8, 16]);
  let last = 0;
  for (let i = 0; i < count; i++) {
    const { name, strike } = random.pick(kinds);
    const at = Math.floor(30_000 * random.next() ** 2);
    last = Math.max(last, at);
    world.clock.after(at, undefined, () => {
      if (world.processes.length === 0 || world.hasEnded()) return;
      world.faults++;
      world.note('fault', `${name}: ${strike(world, random)}`);
    });
  }
  return last;
}
