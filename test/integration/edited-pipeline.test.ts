import { records } from '@leat/connectors/memory';
import { type LocalRun, runPipeline, startLocalRun } from '@leat/host';
import { connect } from '@leat/operate';
import { fetcher, type Pipeline, pipeline, saver } from '@leat/sdk';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { MemorySink } from '../support/memory-pipeline.ts';
import { recordingLogger, type RecordingLogger } from '../support/recording-logger.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

const COUNT = 40;

/** A source that waits in its midst, until the test lets it go on. */
class Source {
  isOpen = false;
  isMet = false;

  readonly numbers = async function* (this: Source): AsyncGenerator<{ n: number }> {
    for (let n = 0; n < COUNT; n++) {
      if (n === COUNT / 2 && !this.isOpen) {
        this.isMet = true;
        await new Promise(() => undefined);
      }
      yield { n };
    }
  }.bind(this);
}

interface Edit {
  readonly savers?: readonly string[];
  readonly chunkSize?: number;
}

/** The pipeline, as it stands after an edit. */
function edited(source: Source, { savers = ['out'], chunkSize = 5 }: Edit = {}): Pipeline {
  const schema = z.object({ n: z.int() });
  const from = fetcher('numbers', { source: records(source.numbers), schema, chunkSize });
  const all = savers.map((name) => saver(name, { from, sink: new MemorySink() }));
  return pipeline('edited', { savers: all as [(typeof all)[number]] });
}

/** A run that was interrupted, and how to call for others in its place. */
async function interrupted(): Promise<{
  readonly run: string;
  readonly source: Source;
  readonly options: { readonly stateDir: string; readonly logger: RecordingLogger };
}> {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const source = new Source();
  const stop = new AbortController();
  const options = { stateDir: dir.path, logger: recordingLogger() };
  await using local: LocalRun = await startLocalRun(edited(source), {
    ...options,
    signal: stop.signal,
  });
  await until('it is under way', () => source.isMet);
  stop.abort();
  expect(await local.ended).toEqual({});
  source.isOpen = true;
  return { run: local.run, source, options };
}

test('a graph that was changed refuses the interrupted run, says what changed, and a new one can be begun', async () => {
  const { run, source, options } = await interrupted();
  const wider = edited(source, { savers: ['out', 'more'] });
  await expect(runPipeline(wider, options)).rejects.toMatchObject({
    code: 'invalid-pipeline',
    message: expect.stringMatching(
      new RegExp(`run ${run} does not fit .* \\(more was added\\).*"leat cancel ${run}".*--new"`),
    ) as string,
  });
  const fresh = await runPipeline(wider, { ...options, new: true });
  expect(fresh).toMatchObject({ state: 'completed', records: { in: COUNT, saved: 2 * COUNT } });
  expect(fresh.run).not.toBe(run);
  // Nobody has to say it again; and with the file put back, the first one goes on.
  expect((await runPipeline(wider, options)).run).not.toBe(run);
  expect(await runPipeline(edited(source), options)).toMatchObject({ run, state: 'completed' });
});

test('a chunk size that was changed is said, and the run goes on with its own', async () => {
  const { run, source, options } = await interrupted();
  const report = await runPipeline(edited(source, { chunkSize: 7 }), options);
  expect(report).toMatchObject({ run, state: 'completed', chunks: { total: 8 } });
  expect(options.logger.at('warn')).toContainEqual(
    expect.stringMatching(/keeps the chunkSize and maxBytes that it began with; .*, 7 and/),
  );
});

test('a new run is begun beside one that fits, which goes on later', async () => {
  const { run, source, options } = await interrupted();
  const fresh = await runPipeline(edited(source), { ...options, new: true });
  expect(fresh.run).not.toBe(run);
  expect(await runPipeline(edited(source), options)).toMatchObject({ run, state: 'completed' });
  await expect(runPipeline(edited(source), { ...options, new: true, run })).rejects.toMatchObject({
    code: 'invalid-configuration',
  });
});

test.each(['cancel', 'pause'] as const)('%s works on a run without a fetcher', async (what) => {
  const { run, source, options } = await interrupted();
  // Of another pipeline, so that there is a server and nobody takes the run up.
  const other = new Source();
  const waiting = pipeline('other', { savers: edited(other).stages.slice(-1) as never });
  const stop = new AbortController();
  await using local = await startLocalRun(waiting, { ...options, signal: stop.signal });
  await using leat = await connect({ servers: local.url, logger: options.logger });
  const handle = await leat.run(run);
  await handle[what]();
  stop.abort();
  await local.ended;
  await local[Symbol.asyncDispose]();
  if (what === 'cancel') {
    // It is over: the next call begins another one.
    expect((await runPipeline(edited(source), options)).run).not.toBe(run);
  } else {
    expect(await runPipeline(edited(source), options)).toMatchObject({ run, state: 'completed' });
  }
});
