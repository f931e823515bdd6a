import { deadSubject, FIRST_CHECKPOINT, type RunProgress } from '@leat/core';
import { connect, type Leat } from '@leat/operate';
import { bury, confirmExecutions, type DeadLetter, DeadLetterStore } from '@leat/runtime';
import { describe, expect, onTestFinished, test } from 'vitest';
import { NEVER, openPipeline, type OpenPipeline, sharedServer } from '../support/jetstream.ts';
import {
  createRun,
  type MemoryPipeline,
  memoryPipeline,
  progressOf,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { newSigningKeys } from '../support/signing-keys.ts';
import { until } from '../support/until.ts';

const RUN = 'run-1';
const [GOOD, FORGED] = ['000000e1', '000000e2'];
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** A pipeline whose mapper waits at its hundredth record, until it is let go. */
function heldPipeline(count: number): MemoryPipeline & {
  readonly isHeld: () => boolean;
  readonly letGo: () => void;
} {
  let letGo!: () => void;
  let isHeld = false;
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const map = async (record: { n: number }): Promise<{ n: number }> => {
    if (record.n === 100) {
      isHeld = true;
      await gate;
    }
    return record;
  };
  return { ...memoryPipeline(count, { map }, 10), isHeld: () => isHeld, letGo: () => letGo() };
}

async function clientOf(url: string, signingKeys: readonly string[] = []): Promise<Leat> {
  const leat = await connect({ servers: url, signingKeys });
  onTestFinished(() => leat.close());
  return leat;
}

describe('a signed run', () => {
  const server = sharedServer(undefined);

  const openWith = (line: MemoryPipeline, ...keys: readonly string[]): Promise<OpenPipeline> =>
    openPipeline(server(), line.pipeline.spec, {}, {}, keys);

  /** Overwrites the entries of a run as anyone can who may write to the bucket. */
  async function forge({ connection }: OpenPipeline): Promise<void> {
    const { bucket } = connection.topology;
    const at = new Date().toISOString();
    const progress: RunProgress = {
      state: 'completed',
      fence: 1_000,
      startedAt: at,
      updatedAt: at,
      endedAt: at,
      ledger: FIRST_CHECKPOINT,
    };
    const put = (key: string, value: unknown) =>
      connection.client.publish(`$KV.${bucket}.${key}.${RUN}`, JSON.stringify(value));
    await put('wish', 'cancel');
    await put('progress', progress);
  }

  test.each([
    { keys: 'no keys', isSigned: false },
    { keys: 'a key', isSigned: true },
  ])('with $keys: what anyone wrote over its entries', async ({ isSigned }) => {
    const { a } = await newSigningKeys('a');
    const line = heldPipeline(500);
    const open = await openWith(line, ...(isSigned ? [a] : []));
    await createRun(open, line);
    const { reports } = startFetcher(open, line);
    startStages(open, line);
    await until('it is under way', line.isHeld);
    await forge(open);
    line.letGo();
    if (isSigned) {
      await until('it has ended', () => reports.length === 1);
      expect(reports[0]).toMatchObject({ state: 'completed', records: { in: 500, saved: 500 } });
      expect(line.sink.numbers).toEqual(upTo(500));
      expect(open.connection.signing!.refused).toBeGreaterThan(0);
    } else {
      await until('it is over', async () => (await progressOf(open))?.state !== 'running');
      expect((await progressOf(open))?.state).toMatch(/^(?:completed|cancelled)$/);
      expect(reports.find(({ records }) => records.saved === 500)).toBeUndefined();
    }
  });

  test('goes on while its services change from one key to the next', async () => {
    const { a, b } = await newSigningKeys('a', 'b');
    const line = memoryPipeline(500, { map: (record) => record }, 10);
    const before = await openWith(line, a);
    await createRun(before, line);
    const fetcher = startFetcher(before, line);
    await until('it is under way', async () => (await progressOf(before))?.state === 'running');
    // Stages first, so that the old fetcher reads receipts that it cannot check.
    const after = await openWith(line, b, a);
    startStages(after, line);
    await until('it does', () => before.connection.signing!.refused > 0);
    await fetcher.stop();
    const { reports } = startFetcher(after, line);
    await until('it has ended', () => reports.length === 1);
    expect(reports[0]).toMatchObject({ state: 'completed', records: { in: 500, saved: 500 } });
    expect(line.sink.numbers).toEqual(upTo(500));
    expect(after.connection.signing!.refused).toBe(0);
  });

  test('whose services have another key is named with it by the status', async () => {
    const { a, b } = await newSigningKeys('a', 'b');
    const line = memoryPipeline(500, { map: (record) => record });
    const wrong = await openWith(line, b);
    const right = await openWith(line, a);
    await createRun(right, line);
    const { stop } = startFetcher(wrong, line);
    const leat = await clientOf(server().url, [a]);
    const seen = async (): Promise<string> => {
      const report = await (await leat.run(RUN, { pipeline: line.pipeline.name })).report();
      return report.troubles.map(({ stage, reason }) => `${stage}: ${reason}`).join('\n');
    };
    const sentence = 'refuses messages: one is signed with the key a, and known are: b.';
    await until('it is said', async () => (await seen()).includes(`numbers: test ${sentence}`));
    await stop();
    startFetcher(right, line);
    startStages(wrong, line);
    await until('it is said', async () => (await seen()).includes(`work: test ${sentence}`));
    expect(line.sink.numbers).toEqual([]);
  });

  test('is not steered without its key, and is with it', async () => {
    const { a } = await newSigningKeys('a');
    const line = memoryPipeline(500, { map: (record) => record });
    const open = await openWith(line, a);
    await createRun(open, line);
    const name = { pipeline: line.pipeline.name };
    const without = await (await clientOf(server().url)).run(RUN, name);
    expect((await without.report()).state).toBe('pending');
    for (const steer of [() => without.pause(), () => without.cancel()]) {
      await expect(steer()).rejects.toMatchObject({
        code: 'invalid-configuration',
        message: expect.stringMatching(
          /^The run run-1 is signed with the key a, .*--signing-key a:FILE/,
        ),
      });
    }
    // Nor does a fetcher take it up that nobody would believe.
    const keyless = await openWith(line);
    expect(await keyless.connection.runs.listOpen()).toEqual([]);
    const steering = await (await clientOf(server().url, [a])).run(RUN, name);
    await steering.pause();
    expect(await open.connection.runs.wishes.get(RUN)).toBe('pause');
    await steering.cancel();
    expect((await steering.report()).state).toBe('cancelled');
  });

  test('has dead letters that nobody else can make, or make count', async () => {
    const { a } = await newSigningKeys('a');
    const line = memoryPipeline(1, { map: (record) => record });
    const { connection } = await openWith(line, a);
    const { manager, client, signing, spec } = connection;
    const record = { index: 0, position: 'record 0', attempts: 1, record: '{"n":0}' };
    const error = { name: 'Error', message: 'no' };
    const chunk = { run: RUN, chunk: { seq: 0, path: '' }, sending: '' } as const;
    const place = { stage: 'work', chunk, execution: GOOD };
    await bury(connection, place, [{ ...record, error }], NEVER);
    await confirmExecutions(connection, RUN, [GOOD], NEVER);
    const subject = deadSubject(spec.name, RUN);
    const [letter] = await lettersIn(new DeadLetterStore(manager, spec.name, signing));
    const forged = { ...letter, execution: FORGED, index: 1 };
    await client.publish(subject, JSON.stringify({ ...forged, v: 1 }));
    await client.publish(`${subject}.settled`, FORGED);
    const store = new DeadLetterStore(manager, spec.name, signing);
    expect(await lettersIn(store)).toEqual([letter]);
    expect([...(await store.executions(RUN))]).toEqual([GOOD]);
    expect(await store.at(3)).toBeUndefined();
    // Where nothing is checked, they are believed.
    const credulous = new DeadLetterStore(manager, spec.name, undefined);
    expect(await lettersIn(credulous)).toEqual([letter, forged]);
    expect([...(await credulous.executions(RUN))]).toEqual([GOOD, FORGED]);
  });
});

async function lettersIn(store: DeadLetterStore): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const { letter } of store.letters(RUN)) letters.push(letter);
  return letters;
}
