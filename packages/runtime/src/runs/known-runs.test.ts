import {
  NO_COUNTS,
  type PipelineSpec,
  type RunRequest,
  type RunState,
  type RunWish,
  type SinkIdentity,
  type Trouble,
} from '@leat/core';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import type { Delivery } from '../chunks/delivery.ts';
import type { Runs } from './runs.ts';
import { fetcher, pipeline, saver } from '../../../sdk/src/index.ts';
import { KnownRuns } from './known-runs.ts';
import { createLogger } from '../logger.ts';
import { StageTelemetry } from '../telemetry.ts';
import { wait } from '../wait.ts';

const numbers = fetcher('numbers', {
  source: { kind: 'none', chunks: async function* () {} },
  schema: z.int(),
});
const steady = pipeline('p', {
  savers: [
    saver('out', {
      from: numbers,
      sink: { kind: 'none', open: () => Promise.reject(new Error('not opened here')) },
    }),
  ],
});

/** The graph of another pipeline file. */
const OTHER_SPEC: PipelineSpec = {
  name: 'p',
  stages: [
    { name: 'numbers', kind: 'fetcher' },
    { name: 'all', kind: 'saver', from: 'numbers' },
  ],
};
const MINE = '00000000000b1';
const OTHER = '00000000000b2';

/** Runs by id, and how often each was looked up. */
function start(
  known: Readonly<Record<string, RunWish>>,
  fail = 0,
  requests: Record<string, Partial<RunRequest>> = {},
  codeVersion?: string,
  only?: string,
) {
  const sinks: Record<string, Readonly<Record<string, SinkIdentity>>> = {};
  const noted: Record<string, SinkIdentity> = {};
  const versions: string[] = [];
  const troubles: (Trouble & { readonly run: string })[] = [];
  const notes = {
    addVersion: async (run: string, stage: string, version: string) => {
      versions.push(`${run} ${stage} ${version}`);
    },
    claimSink: async (run: string, name: string, sink: SinkIdentity) =>
      (noted[`${run} ${name}`] ??= sink),
    tellTrouble: async (run: string, trouble: Trouble) => {
      troubles.push({ run, ...trouble });
    },
  };
  const server = { answerMs: 0, revision: 1 };
  const fences: Record<string, number> = {};
  const states: Record<string, RunState> = {};
  const wished: string[] = [];
  const looked: string[] = [];
  let failures = fail;
  const runs = {
    notes,
    get: async (run: string) => {
      looked.push(run);
      if (failures-- > 0) throw new Error('away');
      if (!(run in known)) return undefined;
      const { spec } = steady;
      const secrets = run.startsWith('secret') ? { secrets: { token: 'NOT_SET_IN_TESTS' } } : {};
      const createdAt = '2026-11-27';
      const asked = { spec, createdAt, ...secrets, ...requests[run] };
      return { run, pipeline: 'p', params: { a: run }, ...asked };
    },
    wishes: {
      look: async (run: string) => {
        wished.push(run);
        if (server.answerMs > 0) await wait(server.answerMs);
        return { wish: known[run] ?? 'run', revision: server.revision };
      },
    },
    progress: async (run: string) =>
      run in fences
        ? {
            progress: { fence: fences[run], state: states[run] ?? 'running', sinks: sinks[run] },
            revision: 1,
          }
        : undefined,
  } as unknown as Runs;
  const abort = new AbortController();
  const logger = createLogger({ format: 'json', level: 'silent' });
  const { signal } = abort;
  const common = { runs, pipeline: steady, stage: 'out', abort: signal, logger };
  const options = { ...common, codeVersion, only };
  const service = new KnownRuns(options);
  onTestFinished(() => service.close());
  return {
    service,
    server,
    looked,
    wished,
    abort,
    fences,
    states,
    sinks,
    noted,
    versions,
    troubles,
  };
}

/** A delivery that notes how it was settled. */
function deliver(
  run: string,
  deliveries = 1,
  born?: string,
): { readonly delivery: Delivery; readonly settled: string[] } {
  const settled: string[] = [];
  const delivery: Delivery = {
    envelope: {
      run,
      ...(born !== undefined && { born }),
      chunk: { seq: 0, path: '' },
      counts: NO_COUNTS,
      position: { source: 'a', unit: 'line', first: 1 },
      sending: '',
    },
    id: '0',
    body: new Uint8Array(),
    deliveries,
    telemetry: new StageTelemetry('out', {}).inHand(deliveries),
    limitBlock: () => () => undefined,
    ack: () => settled.push('ack'),
    giveBack: (delayMs) => settled.push(`back ${delayMs}`),
    park: (until) => {
      settled.push('parked');
      until.addEventListener('abort', () => settled.push('back'));
    },
    drop: (reason) => settled.push(`drop: ${reason}`),
  };
  return { delivery, settled };
}

test('a run is looked up once, however many ask', async () => {
  const { service, looked } = start({ r: 'run' });
  const { delivery, settled } = deliver('r');
  const all = await Promise.all(Array.from({ length: 50 }, () => service.admit(delivery)));
  expect(new Set(all).size).toBe(1);
  expect(all[0]?.info).toEqual({ id: 'r', pipeline: 'p', params: { a: 'r' } });
  expect([looked, settled]).toEqual([['r'], []]);
});

test('what failed is looked up again', async () => {
  const { service } = start({ r: 'run' }, 1);
  await expect(service.admit(deliver('r').delivery)).rejects.toThrow('away');
  expect(await service.admit(deliver('r').delivery)).toBeDefined();
});

test.each<[string, number, string]>([
  ['unknown', 1, 'back 2000'],
  ['unknown', 20, 'drop: unknown run'],
  ['paused', 99, 'parked'],
  ['cancelled', 1, 'drop: the run was cancelled'],
  ['secret', 99, 'back 2000'],
  ['secret-cancelled', 99, 'drop: the run was cancelled'],
])('a chunk of a run that is %s, delivered %i times: %s', async (run, deliveries, end) => {
  const { service } = start({
    paused: 'pause',
    cancelled: 'cancel',
    secret: 'run',
    'secret-cancelled': 'cancel',
  });
  const { delivery, settled } = deliver(run, deliveries);
  expect(await service.admit(delivery)).toBeUndefined();
  expect(settled).toEqual([end]);
});

test('where one run is worked on, chunks of others wait, or are dropped if theirs is cancelled', async () => {
  const { service } = start({ r: 'run', s: 'run', t: 'cancel' }, 0, {}, undefined, 'r');
  expect(await service.admit(deliver('r').delivery)).toMatchObject({ info: { id: 'r' } });
  for (const [run, end] of [
    ['s', 'parked'],
    ['t', 'drop: the run was cancelled'],
  ] as const) {
    const { delivery, settled } = deliver(run);
    expect(await service.admit(delivery)).toBeUndefined();
    expect(settled).toEqual([end]);
  }
});

test('a bounded number of runs is remembered', async () => {
  const names = Array.from({ length: 150 }, (_, n) => `r${n}`);
  const { service, looked } = start(Object.fromEntries(names.map((name) => [name, 'run'])));
  for (const name of names) await service.admit(deliver(name).delivery);
  await service.admit(deliver('r149').delivery);
  expect(looked).toHaveLength(150);
  await service.admit(deliver('r0').delivery);
  expect(looked).toHaveLength(151);
});

test('the signal of a run is aborted with the service', async () => {
  const { service, abort } = start({ r: 'run' });
  const run = await service.admit(deliver('r').delivery);
  abort.abort(new Error('enough'));
  expect(run?.signal.aborted).toBe(true);
});

test('the fence of a run is 0 until it is known, and never falls', async () => {
  const { service, fences } = start({ r: 'run' });
  const run = await service.admit(deliver('r').delivery);
  expect(run?.fence).toBe(0);
  fences['r'] = 7;
  expect([await service.lookAtFence('r'), run?.fence]).toEqual([7, 7]);
  fences['r'] = 6;
  expect([await service.lookAtFence('r'), run?.fence]).toEqual([7, 7]);
  expect(await service.lookAtFence('unknown')).toBe(0);
});

test('a run that has ended for good is not asked for any more, until a chunk of it comes', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { service, looked, wished, fences, states } = start({ r: 'run', s: 'run' });
  Object.assign(fences, { r: 1, s: 1 });
  await service.admit(deliver('r').delivery);
  await service.admit(deliver('s').delivery);
  states['r'] = 'completed';
  // It may be resumed, and its chunks are still on their queues.
  states['s'] = 'failed';
  await vi.advanceTimersByTimeAsync(10_000);
  wished.length = 0;
  looked.length = 0;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(new Set(wished)).toEqual(new Set(['s']));
  expect(looked).toEqual([]);
  // Its dead letters are tried again, under another fence.
  Object.assign(fences, { r: 2 });
  states['r'] = 'running';
  expect(await service.admit(deliver('r').delivery)).toMatchObject({ fence: 2 });
  expect(looked).toContain('r');
});

test('a server that is slow to answer is asked one thing at a time, and nothing after the end', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { service, server, wished } = start({ r: 'run' });
  await service.admit(deliver('r').delivery);
  wished.length = 0;
  server.answerMs = 9_500;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(wished).toHaveLength(3);
  service.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(wished).toHaveLength(3);
});

describe('a run that does not fit the pipeline file', () => {
  test('has its chunks given back for others, and is told as trouble once', async () => {
    vi.useFakeTimers({ now: Date.parse('2026-11-27T12:00:00.000Z') });
    onTestFinished(() => void vi.useRealTimers());
    const { service, troubles, versions } = start(
      { r: 'run' },
      0,
      { r: { spec: OTHER_SPEC } },
      'v1',
    );
    for (let n = 0; n < 30; n++) {
      const { delivery, settled } = deliver('r', n + 1);
      expect(await service.admit(delivery)).toBeUndefined();
      expect(settled).toEqual(['back 2000']);
    }
    expect(troubles).toEqual([
      {
        run: 'r',
        stage: 'out',
        reason:
          'The run r does not fit this pipeline file: it was started as "numbers numbers>all" and the pipeline is now "numbers numbers>out" (out was added, all is gone). Put the file back to go on with the run, cancel it by "leat cancel r", or begin a new one.',
        at: '2026-11-27T12:00:00.000Z',
      },
    ]);
    // This code has not worked on it.
    expect(versions).toEqual([]);
  });

  test('rests as any other, and is dropped when it is cancelled', async () => {
    const specs = { paused: { spec: OTHER_SPEC }, cancelled: { spec: OTHER_SPEC } };
    const { service } = start({ paused: 'pause', cancelled: 'cancel' }, 0, specs);
    for (const [run, end] of [
      ['paused', 'parked'],
      ['cancelled', 'drop: the run was cancelled'],
    ] as const) {
      const { delivery, settled } = deliver(run);
      expect(await service.admit(delivery)).toBeUndefined();
      expect(settled).toEqual([end]);
    }
  });
});

describe('the identity of a run', () => {
  test('is told with it, and whether it is recovered', async () => {
    const limits = { chunkSize: 7, maxBytes: 70 };
    const { service } = start({ r: 'run', s: 'run' }, 0, {
      r: { born: MINE, limits, isRecovered: true },
    });
    const graph = 'numbers numbers>out';
    expect(await service.admit(deliver('r', 1, MINE).delivery)).toMatchObject({
      identity: { pipeline: 'p', run: 'r', born: MINE, createdAt: '2026-11-27', graph, limits },
      isRecovered: true,
    });
    const { chunkSize, maxBytes } = steady.fetcher;
    expect(await service.admit(deliver('s').delivery)).toMatchObject({
      identity: { born: '', limits: { chunkSize, maxBytes } },
      isRecovered: false,
    });
  });

  test('is looked up again when a chunk comes from another run with its id', async () => {
    const requests = { r: { born: MINE } };
    const { service, looked } = start({ r: 'run' }, 0, requests);
    await service.admit(deliver('r', 1, MINE).delivery);
    requests.r = { born: OTHER };
    const { delivery, settled } = deliver('r', 1, OTHER);
    expect(await service.admit(delivery)).toMatchObject({ identity: { born: OTHER } });
    expect([looked, settled]).toEqual([['r', 'r', 'r'], []]);
  });

  test.each([
    [1, 'back 2000'],
    [19, 'back 2000'],
    [20, 'drop: unknown run'],
  ])(
    'is not that of a chunk with another mark, delivered %i times: %s',
    async (deliveries, end) => {
      const { service, looked } = start({ r: 'run' }, 0, { r: { born: MINE } });
      const { delivery, settled } = deliver('r', deliveries, OTHER);
      expect(await service.admit(delivery)).toBeUndefined();
      expect([looked, settled]).toEqual([['r', 'r'], [end]]);
      // Those of the run itself are worked on as before.
      expect(await service.admit(deliver('r', 1, MINE).delivery)).toBeDefined();
    },
  );

  test('is not asked for by a chunk that an earlier version has sent', async () => {
    const { service, looked } = start({ r: 'run' }, 0, { r: { born: MINE } });
    expect(await service.admit(deliver('r').delivery)).toBeDefined();
    expect(looked).toEqual(['r']);
  });
});

test('the version of the code is noted once for each run, if it is known', async () => {
  const { service, versions } = start({ r: 'run', s: 'pause' }, 0, {}, 'v1');
  for (const run of ['r', 'r', 's', 'unknown']) await service.admit(deliver(run).delivery);
  expect(versions).toEqual(['r out v1', 's out v1']);
  const other = start({ r: 'run' });
  await other.service.admit(deliver('r').delivery);
  expect(other.versions).toEqual([]);
});

describe('the sink of a run', () => {
  const one: SinkIdentity = { mark: 'one', place: 'the folder /one' };
  const two: SinkIdentity = { mark: 'two', place: 'the folder /two' };

  test('is the one that its progress names, whatever the notes say', async () => {
    const { service, fences, sinks, noted } = start({ r: 'run' });
    Object.assign(fences, { r: 1 });
    sinks['r'] = { out: one };
    noted['r out'] = two;
    await service.claimSink('r', { ...one, place: 'the same, mounted elsewhere' });
    await expect(service.claimSink('r', two)).rejects.toMatchObject({
      code: 'sink-taken',
      message:
        'The saver out writes the run r into the folder /one, and this replica would write into the folder /two: give all replicas of the saver one sink.',
    });
  });

  test('is that of the first replica that comes, while its progress names none', async () => {
    const { service, fences, sinks, noted } = start({ r: 'run' });
    Object.assign(fences, { r: 1 });
    // Another saver's says nothing.
    sinks['r'] = { other: two };
    await service.claimSink('r', one);
    expect(noted).toEqual({ 'r out': one });
    await service.claimSink('r', one);
    await expect(service.claimSink('r', two)).rejects.toMatchObject({ code: 'sink-taken' });
  });

  test('is not claimed before the run has progress', async () => {
    const { service, noted } = start({ r: 'run' });
    await expect(service.claimSink('r', one)).rejects.toThrow(
      'The broker has no progress of the run r yet.',
    );
    expect(noted).toEqual({});
  });
});

test('a trouble of a run is told to its operator, and what the operator does about it is noticed', async () => {
  const requests = { r: { isRecovered: false } };
  const { service, troubles } = start({ r: 'run' }, 0, requests);
  expect(await service.admit(deliver('r').delivery)).toMatchObject({ isRecovered: false });
  service.tellTrouble('r', 'The sink is another one.');
  expect(troubles).toMatchObject([{ run: 'r', stage: 'out', reason: 'The sink is another one.' }]);
  requests.r = { isRecovered: true };
  expect(await service.admit(deliver('r').delivery)).toMatchObject({ isRecovered: true });
});

/** Wishes, each with whether it is looked what they are before the next one is said. */
const wishes = fc.array(
  fc.record({ wish: fc.constantFrom<RunWish>('run', 'pause', 'cancel'), isSeen: fc.boolean() }),
  { maxLength: 8 },
);

test('what follows from a wish ends with it, whatever was wished before', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  await fc.assert(
    fc.asyncProperty(wishes, async (said) => {
      const known: Record<string, RunWish> = {};
      const { service, server } = start(known);
      let parked: { readonly settled: string[]; readonly revision: number }[] = [];
      for (const { wish, isSeen } of [...said, ...said.slice(-1)]) {
        known['r'] = wish;
        server.revision++;
        if (!isSeen && said.length > 1) continue;
        await vi.advanceTimersByTimeAsync(1_000);
        const { delivery, settled } = deliver('r');
        const run = await service.admit(delivery);
        const end = { run: undefined, pause: 'parked', cancel: 'drop: the run was cancelled' };
        expect(settled[0]).toBe(end[wish]);
        expect(run?.signal.aborted).toBe(wish === 'run' ? false : undefined);
        for (const before of parked) expect(before.settled).toEqual(['parked', 'back']);
        parked = wish === 'pause' ? [{ settled, revision: server.revision }] : [];
      }
      service.close();
      await vi.advanceTimersByTimeAsync(0);
      for (const { settled } of parked) expect(settled).toEqual(['parked', 'back']);
    }),
  );
});
