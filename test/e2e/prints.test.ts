import { expect, test } from 'vitest';
import { startServer } from '../support/jetstream.ts';
import { DevSite } from '../support/dev.ts';
import { fixture, leat, spawnLeat } from '../support/leat.ts';
import { unreadPipe } from '../support/unread-pipe.ts';

const WAYS = ['log', 'info', 'console', 'write', 'bytes', 'import'];

test('what a pipeline file prints never stands among the result of a command', async () => {
  await using site = await DevSite.create('prints.ts');
  const dev = await site.dev({}, '--run', 'r1').ended;
  expect(dev).toMatchObject({ code: 0, stdout: expect.stringMatching(/^run +r1\b/) });
  expect(dev.stdout).not.toMatch(/loaded|source|mapped|sink/);
  for (const way of WAYS) {
    expect(dev.stderr).toContain(`${way} loaded\n`);
    expect(dev.stderr).toContain(`${way} mapped\n`);
  }
  expect(dev.stderr).toContain('worker loaded\n');
  const exported = await site.leat('export', 'r1');
  const lines = Array.from({ length: 10 }, (_, n) => `{"n":${n}}\n`);
  expect(exported).toMatchObject({ code: 0, stdout: lines.join('') });
  expect(exported.stderr).toContain('log sink\n');
  const server = await startServer();
  const options = { cwd: site.dir, env: { NATS_URL: server.url } };
  const started = await leat(['start', fixture('prints.ts'), '--run', 'r2'], options);
  expect(started).toMatchObject({ code: 0, stdout: 'r2\n' });
  expect(started.stderr).toContain('log loaded\n');
});

test('a pipe that is closed before the end is not exit code 0', async () => {
  await using site = await DevSite.create('prints.ts');
  const pipe = await unreadPipe(site.dir);
  const args = ['dev', fixture('prints.ts'), '--run', 'r1'];
  await using command = spawnLeat(args, { cwd: site.dir, stdout: pipe.writeEnd });
  pipe.handOver();
  pipe.leave();
  expect(await command.ended).toMatchObject({ code: 141 });
  // The run was not its reader's.
  expect(await site.leat('status', 'r1')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('completed'),
  });
});
