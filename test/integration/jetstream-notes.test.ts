import type { SinkIdentity } from '@leat/core';
import { describe, expect, test } from 'vitest';
import {
  lineSpec,
  openPipeline,
  type OpenPipeline,
  SERVERS,
  sharedServer,
} from '../support/jetstream.ts';

const ONE: SinkIdentity = { mark: 'one', place: 'the folder /one' };
const TWO: SinkIdentity = { mark: 'two', place: 'the folder /two' };

/** How long ago, as replicas write it. */
const ago = (seconds: number): string => new Date(Date.now() - seconds * 1_000).toISOString();

/** What stands in the bucket, by its keys. */
async function keysOf({ connection }: OpenPipeline): Promise<string[]> {
  const { manager, topology } = connection;
  const bucket = `KV_${topology.bucket}`;
  const { state } = await manager.streams.info(bucket, { subjects_filter: '>' });
  const prefix = `$KV.${topology.bucket}.`;
  return Object.keys(state.subjects ?? {})
    .map((subject) => subject.slice(prefix.length))
    .toSorted();
}

async function forge({ connection }: OpenPipeline, key: string, text: string): Promise<void> {
  const subject = `$KV.${connection.topology.bucket}.${key}`;
  await connection.client.publish(subject, Buffer.from(text, 'latin1'));
}

describe.each(SERVERS)('notes on $server', ({ version }) => {
  const server = sharedServer(version);

  test('tell the versions of code that have worked on a run, each once', async () => {
    const { connection } = await openPipeline(server());
    const { notes } = connection.runs;
    expect(await notes.versions('run-1')).toEqual({});
    const all = ['one', 'two', 'one', 'two', 'one'].map((code) =>
      notes.addVersion('run-1', 'work', code),
    );
    await Promise.all(all);
    await notes.addVersion('run-1', 'out', 'v1-2_3');
    await notes.addVersion('run-10', 'out', 'other');
    const versions = await notes.versions('run-1');
    expect({ ...versions, work: versions['work']?.toSorted() }).toEqual({
      work: ['one', 'two'],
      out: ['v1-2_3'],
    });
  });

  test('give a saver one sink, that of the first of many who come at the same time', async () => {
    const spec = lineSpec();
    const all = await Promise.all(Array.from({ length: 4 }, () => openPipeline(server(), spec)));
    const claims = all.flatMap(({ connection }, at) =>
      [0, 1].map((nth) => {
        const mark = `mark-${at}-${nth}`;
        return connection.runs.notes.claimSink('run-1', 'out', {
          mark,
          place: `the folder ${mark}`,
        });
      }),
    );
    const [first, ...others] = await Promise.all(claims);
    for (const other of others) expect(other).toEqual(first);
    const { notes } = all[0]!.connection.runs;
    expect(await notes.sinks('run-1')).toEqual({ out: first });
    // Who comes later is told the same, and so is the one that has it when it comes again.
    expect(await notes.claimSink('run-1', 'out', TWO)).toEqual(first);
    expect(await notes.claimSink('run-1', 'out', first!)).toEqual(first);
  });

  test('tell savers and runs apart', async () => {
    const { connection } = await openPipeline(server());
    const { notes } = connection.runs;
    expect(await notes.claimSink('run-1', 'out', ONE)).toEqual(ONE);
    expect(await notes.claimSink('run-1', 'more', TWO)).toEqual(TWO);
    expect(await notes.claimSink('run-2', 'out', TWO)).toEqual(TWO);
    expect(await notes.sinks('run-1')).toEqual({ out: ONE, more: TWO });
    expect(await notes.sinks('run-2')).toEqual({ out: TWO });
    expect(await notes.sinks('run-3')).toEqual({});
  });

  test('that Leat did not write are passed over, and written over', async () => {
    const open = await openPipeline(server());
    const { notes } = open.connection.runs;
    for (const [at, text] of ['', '{', 'null', '{"mark":"a b","place":""}', '\u00ff'].entries()) {
      await forge(open, `sink.run-1.out${at}`, text);
      await forge(open, `trouble.run-1.out${at}`, text);
    }
    expect(await notes.sinks('run-1')).toEqual({});
    expect(await notes.troubles('run-1')).toEqual([]);
    expect(await notes.claimSink('run-1', 'out1', ONE)).toEqual(ONE);
    expect(await notes.sinks('run-1')).toEqual({ out1: ONE });
  });

  test('tell what holds a run up, as each stage has said last, and for a minute', async () => {
    const { connection } = await openPipeline(server());
    const { notes } = connection.runs;
    const troubles = [
      { stage: 'work', reason: 'The run does not fit.', at: ago(5) },
      { stage: 'out', reason: 'The sink is another one.', at: ago(1) },
    ];
    await notes.tellTrouble('run-1', { ...troubles[1]!, reason: 'The sink is full.', at: ago(8) });
    for (const trouble of troubles) await notes.tellTrouble('run-1', trouble);
    await notes.tellTrouble('run-1', { stage: 'numbers', reason: 'Long gone.', at: ago(61) });
    await notes.tellTrouble('run-2', { stage: 'out', reason: 'Another run.', at: ago(1) });
    const told = await notes.troubles('run-1');
    expect(told.toSorted((a, b) => a.at.localeCompare(b.at))).toEqual(troubles);
  });

  test('of a run are removed when it ends, and those of others stay', async () => {
    const open = await openPipeline(server());
    const { runs } = open.connection;
    for (const run of ['run-1', 'run-10', 'run-2']) {
      await runs.notes.addVersion(run, 'work', 'one');
      await runs.notes.claimSink(run, 'out', ONE);
      await runs.notes.tellTrouble(run, { stage: 'out', reason: 'It is full.', at: ago(1) });
    }
    await runs.wishes.set('run-1', 'run');
    await open.connection.removeRun('run-1');
    await runs.notes.remove('run-2');
    expect(await keysOf(open)).toEqual([
      'code.run-10.work.one',
      'sink.run-10.out',
      'trouble.run-10.out',
      'wish.run-1',
    ]);
    // A run that is taken up again may note anew.
    expect(await runs.notes.claimSink('run-1', 'out', TWO)).toEqual(TWO);
    await runs.notes.addVersion('run-1', 'work', 'two');
    expect(await runs.notes.versions('run-1')).toEqual({ work: ['two'] });
  });
});
