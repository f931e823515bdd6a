import {
  type DeadLetterChoice,
  parseChunkId,
  recordsOf,
  type RunReport,
  streamName,
} from '@leat/core';
import {
  bury,
  confirmExecutions,
  type DeadLetter,
  DeadLetterStore,
  type DeadRecord,
  surveyDeadLetters,
} from '@leat/runtime';
import { describe, expect, test, vi } from 'vitest';
import {
  NEVER,
  openPipeline,
  type OpenPipeline,
  SERVERS,
  sharedServer,
} from '../support/jetstream.ts';
import {
  createRun,
  memoryPipeline,
  type MemoryPipeline,
  progressOf,
  startFetcher,
  startStages,
} from '../support/memory-pipeline.ts';
import { until } from '../support/until.ts';

const RUN = 'run-1';
const DEADLINE_MS = 60_000;

/** A run that has ended with dead letters, of those numbers that are broken. */
interface DeadRun {
  readonly open: OpenPipeline;
  readonly line: MemoryPipeline;
  readonly store: DeadLetterStore;
  readonly broken: Set<number>;
  /** Told of each record that is worked on, and may hold it up. */
  hook: (n: number) => Promise<void> | void;
  readonly reports: readonly RunReport[];
  readonly stopFetcher: () => Promise<void>;
  readonly redrive: (choice?: DeadLetterChoice) => Promise<void>;
  readonly letters: () => Promise<DeadLetter[]>;
  /** Waits until a fetcher has brought the run to an end so many times. */
  readonly ended: (times: number) => Promise<RunReport>;
}

/** What a dead letter says of its record alone. */
function recordOf({ index, position, attempts, error, record, isCut }: DeadLetter): DeadRecord {
  return Object.assign({ index, position, attempts, error, record }, isCut && { isCut });
}

async function deadRun(
  server: { readonly url: string },
  count: number,
  numbers: Iterable<number>,
): Promise<DeadRun> {
  const broken = new Set(numbers);
  const map = async (record: { n: number }): Promise<{ n: number }> => {
    await run.hook(record.n);
    if (broken.has(record.n)) throw new Error(`${record.n} is broken`);
    return record;
  };
  const line = memoryPipeline(count, { map, retry: { attempts: 1 } }, 50);
  const open = await openPipeline(server, line.pipeline.spec);
  await createRun(open, line);
  startStages(open, line);
  const { reports, stop } = startFetcher(open, line);
  const store = new DeadLetterStore(open.connection.manager, line.pipeline.name, undefined);
  const run: DeadRun = {
    open,
    line,
    store,
    broken,
    hook: () => undefined,
    reports,
    stopFetcher: stop,
    redrive: async (choice = {}) =>
      open.connection.runs.redrives.set(RUN, { ...choice, upTo: await store.last() }),
    letters: async () => {
      const letters: DeadLetter[] = [];
      for await (const { letter } of store.letters(RUN)) letters.push(letter);
      return letters;
    },
    ended: async (times) => {
      await until(`end ${times}`, () => reports.length === times, DEADLINE_MS);
      return reports[times - 1] as RunReport;
    },
  };
  expect((await run.ended(1)).records).toMatchObject({ in: count, dead: broken.size });
  return run;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** Everything is saved, once, and nothing of the dead is left. */
async function expectAllSaved({ open, line, letters }: DeadRun, count: number): Promise<void> {
  const { state, ledger } = (await progressOf(open))!;
  expect(state).toBe('completed');
  expect(ledger).not.toHaveProperty('redrives');
  const { counts, deadChunks } = ledger.totals;
  expect({ ...counts, deadChunks }).toMatchObject({ in: count, dead: 0, deadChunks: 0 });
  expect(recordsOf(counts)).toBe(count);
  expect(line.sink.numbers).toEqual(upTo(count));
  expect(await letters()).toEqual([]);
  expect(await open.connection.runs.redrives.get(RUN)).toBeUndefined();
}

describe.each(SERVERS)('dead letters that are tried again on $server', ({ version }) => {
  const server = sharedServer(version);

  test('are saved, once, by a fetcher that has gone on running', async () => {
    const run = await deadRun(server(), 200, [0, 7, 49, 50, 199]);
    run.broken.clear();
    await run.redrive();
    const report = await run.ended(2);
    expect(report).toMatchObject({ state: 'completed', records: { in: 200, saved: 200, dead: 0 } });
    expect(report.startedAt).toBe(run.reports[0]?.startedAt);
    await expectAllSaved(run, 200);
    expect([...run.line.sink.chunks.keys()]).toContain('3~1-49');

    // Nothing is left to try again.
    await run.redrive();
    expect(await run.ended(3)).toMatchObject({ state: 'completed', digest: report.digest });
    await expectAllSaved(run, 200);
  });

  test('are more than are on their way at a time, whole chunks of them', async () => {
    const run = await deadRun(server(), 600, upTo(600));
    expect(run.reports[0]?.chunks).toMatchObject({ saved: 0, dead: 12 });
    run.broken.clear();
    await run.redrive();
    expect((await run.ended(2)).chunks).toMatchObject({ saved: 12, dead: 0, inFlight: 0 });
    await expectAllSaved(run, 600);
  });

  test('die again, and again, and are saved in the end', async () => {
    const run = await deadRun(server(), 60, [7, 55]);
    for (const [times, chunks] of [
      [2, ['0~1-7', '1~1-5']],
      [3, ['0~1-7-2', '1~1-5-2']],
    ] as const) {
      await run.redrive();
      expect((await run.ended(times)).records).toMatchObject({ in: 60, saved: 58, dead: 2 });
      const letters = await run.letters();
      expect(letters.map(({ chunk }) => chunk).toSorted()).toEqual(chunks);
      expect(letters.map(({ position }) => position).toSorted()).toEqual([
        'record 55 of generate',
        'record 7 of generate',
      ]);
    }
    run.broken.clear();
    await run.redrive({ chunk: '1~1-5-2', index: 0 });
    expect((await run.ended(4)).records).toMatchObject({ in: 60, saved: 59, dead: 1 });
    await run.redrive({ error: '8 is' });
    expect((await run.ended(5)).records).toMatchObject({ saved: 59, dead: 1 });
    await run.redrive({ stage: 'work', error: '7 is' });
    await run.ended(6);
    await expectAllSaved(run, 60);
  });

  test('are sent again when the broker loses them', async () => {
    const run = await deadRun(server(), 100, upTo(100));
    run.broken.clear();
    const { streams } = run.open.connection.manager;
    const queue = streamName(run.line.pipeline.name, 'work');
    const purge = async (): Promise<void> => {
      const allAreThere = async (): Promise<boolean> =>
        (await streams.info(queue)).state.messages === 100;
      await until('all are on the queue', allAreThere, DEADLINE_MS);
      await streams.purge(queue);
    };
    let purged: Promise<void> | undefined;
    run.hook = () => (purged ??= purge());
    await run.redrive();
    await run.ended(2);
    expect(run.open.logger.at('warn')).toContain('redriven records lost, sending again');
    await expectAllSaved(run, 100);
  });

  test('wait while their run is paused, and end with it when it is cancelled', async () => {
    const run = await deadRun(server(), 100, upTo(100));
    const { runs } = run.open.connection;
    run.broken.clear();
    await runs.wishes.set(RUN, 'pause');
    await run.redrive();
    await until('paused', async () => (await progressOf(run.open))?.state === 'paused');
    expect(run.line.sink.chunks.size).toBe(0);
    run.hook = async (n) => {
      if (n <= 50) return;
      await runs.wishes.set(RUN, 'cancel');
      await new Promise(() => undefined);
    };
    await runs.wishes.set(RUN, 'run');
    const { state, records } = await run.ended(2);
    expect(state).toBe('cancelled');
    expect(records.saved).toBe(run.line.sink.numbers.length);
    expect(records.saved + records.dead).toBe(100);
  });

  test('go on under the next fetcher', async () => {
    const run = await deadRun(server(), 600, upTo(600));
    run.broken.clear();
    let goOn = (): void => undefined;
    const mayGoOn = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    run.hook = (n) => (n >= 200 ? mayGoOn : undefined);
    await run.redrive();
    await until('some are saved', () => run.line.sink.numbers.length > 100, DEADLINE_MS);
    await run.stopFetcher();
    const { state, ledger } = (await progressOf(run.open))!;
    expect(state).toBe('running');
    expect(Object.keys(ledger.redrives ?? {}).length).toBeGreaterThan(0);
    goOn();
    startFetcher(run.open, run.line);
    const isDone = async (): Promise<boolean> =>
      (await progressOf(run.open))?.endedAt !== undefined;
    await until('the run has ended', isDone, DEADLINE_MS);
    await expectAllSaved(run, 600);
  });

  test('are not tried again when they are settled and their letters are still there', async () => {
    const run = await deadRun(server(), 100, upTo(100));
    run.broken.clear();
    let calls = 0;
    run.hook = () => void calls++;
    const { streams } = run.open.connection.manager;
    const deletion = vi.spyOn(streams, 'deleteMessage').mockRejectedValue(new Error('away'));
    await run.redrive();
    const settled = async (): Promise<number> => {
      const { redrives = {} } = (await progressOf(run.open))!.ledger;
      return Object.values(redrives).filter(({ paths }) => paths.includes('')).length;
    };
    await until('a checkpoint has settled records', async () => (await settled()) > 0, DEADLINE_MS);
    await until('all are saved', () => run.line.sink.numbers.length === 100, DEADLINE_MS);
    await run.stopFetcher();
    expect(await settled()).toBeGreaterThan(0);
    expect(await run.letters()).toHaveLength(100);
    deletion.mockRestore();
    startFetcher(run.open, run.line);
    const isDone = async (): Promise<boolean> =>
      (await progressOf(run.open))?.endedAt !== undefined;
    await until('the run has ended', isDone, DEADLINE_MS);
    await expectAllSaved(run, 100);
    expect(calls).toBe(100);
  });

  test('are those that count, one for each record', async () => {
    const run = await deadRun(server(), 100, [7, 8]);
    const { connection } = run.open;
    const [letter] = (await run.letters()) as [DeadLetter];
    const { execution, ...dead } = letter;
    const chunk = { run: RUN, chunk: parseChunkId(letter.chunk)!, sending: '' };
    const born = letter.born === undefined ? {} : { born: letter.born };
    const buryOne = (from: object, each: DeadLetter): Promise<void> => {
      const place = { stage: 'work', chunk: { ...chunk, ...born }, ...from };
      return bury(connection, place, [recordOf(each)], NEVER);
    };
    // Letters of executions that did not count; of one that was named twice; and what has no line to send.
    const saved = { ...dead, index: 30, record: '{"n":30}' };
    const cut = { ...dead, index: 9, isCut: true };
    await buryOne({ execution: '00000001' }, saved);
    await buryOne({ execution: '00000002' }, saved);
    await buryOne({ execution: '00000003' }, dead);
    await buryOne({ execution: '00000004' }, dead);
    await buryOne({ execution }, cut);
    await buryOne({ stage: 'numbers' }, { ...dead, index: 3 });
    await confirmExecutions(connection, RUN, ['00000004'], NEVER);
    const request = (await connection.runs.get(RUN))!;
    const wish = { upTo: await run.store.last() };
    const survey = await surveyDeadLetters(run.store, request, wish);
    expect(survey).toMatchObject({ places: { length: 2 }, copies: { length: 2 } });
    expect(Object.fromEntries(survey.leftOut)).toEqual({
      cut: 1,
      'rejected by the source': 1,
      uncounted: 1,
    });

    expect(await run.store.delete(survey.copies[0]!)).toBe(true);
    expect(await run.store.delete(survey.copies[0]!)).toBe(false);

    run.broken.clear();
    await run.redrive();
    expect((await run.ended(2)).records).toMatchObject({ in: 100, saved: 100, dead: 0 });
    expect(run.line.sink.numbers).toEqual(upTo(100));
    expect((await run.letters()).map(({ index }) => index)).toEqual([30, 30, 9, 3]);
  });
});
