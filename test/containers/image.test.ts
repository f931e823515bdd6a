import type { RunReport } from '@leat/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { buildLeatImage, buildNatsImage, docker, LEAT_IMAGE, whyNoDocker } from './image.ts';
import { leatIn, Site } from './site.ts';

const lack = await whyNoDocker();
if (lack !== undefined) process.stderr.write(`containers: not run, ${lack}\n`);

describe.skipIf(lack !== undefined)('the image', () => {
  beforeAll(async () => {
    await buildLeatImage();
    await buildNatsImage();
  });

  test('is small, and its process is neither root nor a package manager', async () => {
    const [image] = JSON.parse(await docker('image', 'inspect', LEAT_IMAGE)) as [
      { readonly Size: number; readonly Config: Record<string, unknown> },
    ];
    process.stderr.write(`containers: ${LEAT_IMAGE} has ${Math.round(image.Size / 1e6)} MB\n`);
    // Two hundred and fifty of them are Debian and Node.
    expect(image.Size).toBeLessThan(320e6);
    expect(image.Config).toMatchObject({
      User: '1000:1000',
      Entrypoint: ['node', '/leat/node_modules/@leat/cli/bin/leat.js'],
    });
    expect(await docker('run', '--rm', LEAT_IMAGE)).toContain('leat <command>');
  });

  test('hosts each role with a read-only root; what is killed is made up for, record by record', async () => {
    await using site = await Site.create();
    const fetcher = await site.service('fetcher');
    const mapper = await site.service('mapper');
    const other = await site.service('mapper');
    const saver = await site.service('saver');

    const reportOf = async (run: string): Promise<RunReport> =>
      JSON.parse(await leatIn(fetcher, 'status', run, '--json')) as RunReport;
    const start = (run: string): Promise<string> =>
      leatIn(fetcher, 'start', 'cities/pipeline.ts', '--run', run, '--param', 'out=/data/cities');
    const untilSaved = (run: string, chunks: number): Promise<void> =>
      until(
        `${chunks} chunks are saved`,
        async () => (await reportOf(run)).chunks.saved >= chunks,
        60_000,
      );

    await start('killed');
    await untilSaved('killed', 100);
    await docker('kill', '--signal=KILL', mapper.getId());
    await untilSaved('killed', 500);
    await docker('kill', '--signal=KILL', saver.getId());
    expect((await reportOf('killed')).endedAt).toBeNull();
    await docker('start', mapper.getId(), saver.getId());
    await untilSaved('killed', 1_711);
    await start('undisturbed');
    await untilSaved('undisturbed', 1_711);

    const reports = [];
    for (const run of ['killed', 'undisturbed']) {
      await until(`${run} has ended`, async () => (await reportOf(run)).endedAt !== null);
      await leatIn(fetcher, 'verify', run, 'cities/pipeline.ts');
      reports.push(await reportOf(run));
    }
    const [killed, undisturbed] = reports;
    expect(killed).toMatchObject({
      state: 'completed',
      records: { in: 171_075, saved: 171_075, filtered: 0, dead: 0 },
      digest: undisturbed?.digest,
    });

    await docker('stop', '--time=30', other.getId());
    expect((await docker('inspect', '--format={{.State.ExitCode}}', other.getId())).trim()).toBe(
      '0',
    );
  });
});
