import { join } from 'node:path';
import { generate } from '@leat/connectors/memory';
import { ndjsonSink } from '@leat/connectors/files';
import { type LocalEnd, startLocalRun } from '@leat/host';
import { connect } from '@leat/operate';
import { fetcher, LeatError, mapper, type Pipeline, pipeline, saver, type Source } from '@leat/sdk';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { tempDir } from '../support/temp-dir.ts';

const schema = z.int();

interface Site {
  readonly path: string;
  /** `<hook>: <what it was told>` of each call. */
  readonly calls: string[];
  /** A pipeline whose hooks say that they were called. */
  readonly pipelineOf: (
    source: Source<number>,
    map?: (n: number) => unknown,
  ) => Pipeline<undefined>;
}

async function site(): Promise<Site> {
  const { path, ...dir } = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const calls: string[] = [];
  return {
    path,
    calls,
    pipelineOf: (source, map = (n) => n) => {
      const numbers = fetcher('numbers', { source, schema, chunkSize: 10 });
      const work = mapper('work', { from: numbers, schema, map: async (n) => (await map(n), n) });
      return pipeline('hooked', {
        savers: [saver('files', { from: work, sink: ndjsonSink(join(path, 'out')) })],
        onFailure: ({ hook }, { code }) => void calls.push(`${hook}: ${code}`),
        finally: async ({ hook }, { state, records, endedAt }) => {
          expect(endedAt).not.toBeNull();
          calls.push(`${hook}: ${state}, ${records.saved} saved`);
        },
      });
    },
  };
}

async function endOf(
  made: Pipeline<undefined>,
  options: { readonly run: string; readonly stateDir: string },
): Promise<LocalEnd> {
  await using local = await startLocalRun(made, options);
  return await local.ended;
}

/** The first 20 numbers, and then an error, as long as it is damaged. */
function damageable(isDamaged: () => boolean): Source<number> {
  const whole = generate(40, (n) => n);
  return {
    kind: 'damageable',
    async *chunks(request) {
      for await (const chunk of whole.chunks(request)) {
        if (isDamaged() && chunk.position.first >= 20) {
          throw new LeatError('source-damaged', 'The second half cannot be read.');
        }
        yield chunk;
      }
    },
  };
}

test('a run that fails calls both hooks, and calls them under other ids when it goes on and ends again', async () => {
  const { path, calls, pipelineOf } = await site();
  let isDamaged = true;
  const made = pipelineOf(damageable(() => isDamaged));
  const options = { run: 'r1', stateDir: join(path, 'state') };
  const failed = await endOf(made, options);
  expect(failed.error).toMatchObject({ code: 'source-damaged' });
  expect(calls.splice(0)).toEqual(['r1:onFailure: source-damaged', 'r1:finally: failed, 20 saved']);
  expect(failed.report?.hooks).toEqual([
    { id: 'r1:onFailure', name: 'onFailure', attempts: 1 },
    { id: 'r1:finally', name: 'finally', attempts: 1 },
  ]);
  isDamaged = false;
  const completed = await endOf(made, options);
  expect(completed.report).toMatchObject({
    state: 'completed',
    hooks: [{ id: 'r1:finally:2', name: 'finally', attempts: 1 }],
  });
  expect(calls).toEqual(['r1:finally:2: completed, 40 saved']);
});

test('a run that its sink refuses calls both hooks', async () => {
  const { path, calls, pipelineOf } = await site();
  const made = pipelineOf(generate(10, (n) => n));
  await (
    await startLocalRun(made, { run: 'r1', stateDir: join(path, 'one') })
  ).ended;
  expect(calls.splice(0)).toEqual(['r1:finally: completed, 10 saved']);
  // Another server knows nothing of it, and the folder does.
  const { error } = await endOf(made, { run: 'r1', stateDir: join(path, 'other') });
  expect(error).toMatchObject({ code: 'sink-taken' });
  expect(calls).toEqual(['r1:onFailure: sink-taken', 'r1:finally: failed, 0 saved']);
});

test('a run that is cancelled calls finally, before it has ended', async () => {
  const { path, calls, pipelineOf } = await site();
  let begun = (): void => undefined;
  const hasBegun = new Promise<void>((resolve) => (begun = resolve));
  const made = pipelineOf(
    generate(40, (n) => n),
    (n) => {
      if (n < 10) return;
      begun();
      return new Promise(() => undefined);
    },
  );
  await using local = await startLocalRun(made, { run: 'r1', stateDir: join(path, 'state') });
  await hasBegun;
  await using leat = await connect({ servers: local.url });
  await (await leat.run('r1')).cancel();
  const { report } = await local.ended;
  expect(report).toMatchObject({ state: 'cancelled', hooks: [{ id: 'r1:finally', attempts: 1 }] });
  expect(calls).toEqual([expect.stringMatching(/^r1:finally: cancelled, \d+ saved$/)]);
});
