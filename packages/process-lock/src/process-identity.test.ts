import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { isAlive, processSpace, startTime } from './process-identity.ts';

test('this process lives, and was started once', async () => {
  expect(isAlive(process.pid)).toBe(true);
  expect(await startTime(process.pid)).toBe(await startTime(process.pid));
});

test('a process that has ended has no start', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  expect(isAlive(child.pid ?? 0)).toBe(false);
  expect(await startTime(child.pid ?? 0)).toBeUndefined();
});

test.runIf(process.platform === 'linux')(
  'a zombie has no start, although it has a number',
  async () => {
    // What takes the shell's place never asks how the shell's child has ended.
    const parent = spawn('sh', ['-c', 'exec 3<&0; cat <&3 & echo $!; exec sleep 60']);
    onTestFinished(() => void parent.kill('SIGKILL'));
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    parent.stdin.end();
    await expect.poll(() => startTime(pid), { timeout: 5_000 }).toBeUndefined();
    expect(isAlive(pid)).toBe(true);
  },
);

test('where a process runs is one word', () => {
  expect(processSpace()).toMatch(/^\S+$/);
});
