import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRequest } from '@leat/core';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { DEADLINE_MS, Deployment } from '../support/deployment.ts';
import { DevSite } from '../support/dev.ts';
import { fixture } from '../support/leat.ts';
import { until } from '../support/until.ts';

/** A file that leaves a mark when it is loaded. */
async function trapIn(dir: string): Promise<{ readonly file: string; readonly mark: string }> {
  const file = join(dir, 'trap.mjs');
  const mark = join(dir, 'loaded');
  const text = `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(mark)}, '');\n`;
  await writeFile(file, text);
  return { file, mark };
}

/** Writes over parts of a run's entry, as the one who may write into the bucket can. */
async function forge(url: string, run: string, parts: Partial<RunRequest>): Promise<void> {
  const connection = await connect({ servers: url });
  try {
    const { streams } = await jetstreamManager(connection);
    const subject = `$KV.leat_squares.run.${run}`;
    const entry = await streams.getMessage('KV_leat_squares', { last_by_subj: subject });
    const forged = { ...entry?.json<RunRequest>(), ...parts };
    await connection.request(subject, JSON.stringify(forged));
  } finally {
    await connection.close();
  }
}

/** A run of services that has ended. */
async function endedRun(): Promise<{ readonly site: Deployment; readonly run: string }> {
  const site = await Deployment.create('squares.ts');
  const run = await site.start({ count: 100 });
  for (const role of ['fetcher', 'mapper', 'saver'] as const) site.service(role);
  await site.untilEnded();
  return { site, run };
}

test.each(['verify', 'export'])(
  '%s of a run of services loads the file that it is given, and never the one that the run names',
  async (command) => {
    const { site, run } = await endedRun();
    const { file, mark } = await trapIn(site.dir);
    await forge(site.server.url, run, { file });
    expect(await site.leat(command, run)).toMatchObject({ code: 2, stdout: '' });
    expect(existsSync(mark)).toBe(false);
    await forge(site.server.url, run, { file: `${file}\u001b[2J` });
    expect(await site.leat(command, run)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `leat: [invalid-configuration] Name the pipeline file of the run ${run}: leat ${command} ${run} pipeline.ts (the run says it was started with ${file}\u{FFFD}[2J).\n`,
    });
    expect(await site.leat(command, run, site.file)).toMatchObject({ code: 0, stderr: '' });
  },
);

test('a file of another pipeline is refused by verify and export', async () => {
  const { site, run } = await endedRun();
  const other = fixture('steady.ts');
  for (const command of ['verify', 'export']) {
    expect(await site.leat(command, run, other)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `leat: [invalid-configuration] The run ${run} is of the pipeline squares, and the file ${other} has the pipeline steady: name the file of squares.\n`,
    });
  }
});

test('after leat dev the file is known in the same folder, by what leat dev noted there', async () => {
  await using site = await DevSite.create('squares.ts');
  const { run } = await site.run({ count: 100 });
  expect(await site.leat('verify', run)).toMatchObject({ code: 0 });
  const note = join(site.dir, '.leat', 'pipelines', 'squares');
  expect(await readFile(note, 'utf8')).toBe(`${fixture('squares.ts')}\n`);
  expect((await stat(note)).mode & 0o777).toBe(0o600);
  expect((await stat(join(note, '..'))).mode & 0o777).toBe(0o700);
});

test('what others write into the bucket of a running leat dev changes nothing about that', async () => {
  await using site = await DevSite.create('squares.ts');
  const { file, mark } = await trapIn(site.dir);
  const dev = site.dev({ count: 100 }, '--keep', '--run', 'r1');
  await until('the run has ended', () => dev.stderr().includes('stays up'), DEADLINE_MS);
  const trace = await readFile(join(site.dir, '.leat', 'server.json'), 'utf8');
  const { url } = JSON.parse(trace) as { readonly url: string };
  await forge(url, 'r1', { file });
  expect(await site.leat('verify', 'r1')).toMatchObject({ code: 0 });
  await writeFile(join(site.dir, '.leat', 'note'), `${file}\n`);
  await forge(url, 'r1', { pipeline: '../note' });
  expect(await site.leat('verify', 'r1')).toMatchObject({ code: 2, stdout: '' });
  // The folder may have the server's address from elsewhere: then what is noted in it does not count.
  expect(await site.leat('verify', 'r1', '--nats', url)).toMatchObject({ code: 2, stdout: '' });
  expect(existsSync(mark)).toBe(false);
  dev.kill('SIGINT');
  await dev.ended;
});
