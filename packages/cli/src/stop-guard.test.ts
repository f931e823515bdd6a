import { spawn } from 'node:child_process';
import { expect, test, type TestContext } from 'vitest';
import { until } from '../../../test/support/until.ts';

const SHUTDOWN = new URL('../dist/shutdown.js', import.meta.url).href;

/** A process that listens for a shutdown, and then does what it is to do. */
function start({ onTestFinished }: TestContext, graceMs: number | undefined, body: string) {
  const program = `
    import { listenForGuardedShutdown } from ${JSON.stringify(SHUTDOWN)};
    const say = (line) => process.stdout.write(line + '\\n');
    const { stop, abort } = listenForGuardedShutdown(say, ${graceMs});
    const forMs = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };
    setInterval(() => undefined, 1e6);
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (more) => (text += more));
  child.stderr.on('data', (more) => (text += more));
  let ended: string | undefined;
  child.on('close', (code, signal) => (ended = signal ?? `code ${code}`));
  return { child, text: () => text, ended: () => ended };
}

const BLOCKS = {
  'a generator that has no end':
    'function* all() { for (let n = 0; ; n++) yield n; } for (const _ of all());',
  'promises that never wait': 'for (;;) await null;',
  'a regular expression': "/^(a+)+$/.test('a'.repeat(60) + 'b');",
  'a lock': 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);',
};

test.concurrent.for(Object.entries(BLOCKS))(
  'a process that is blocked by %s ends by the next signal',
  { timeout: 90_000 },
  async ([, block], context) => {
    const { child, text, ended } = start(context, 60_000, `say('begins'); await 0; ${block}`);
    await until('it is blocked', () => text().includes('begins'));
    // As one does who presses Ctrl-C until something happens.
    await until('it ends', () => ended() !== undefined || !child.kill('SIGINT'), 60_000);
    await until('it is known how', () => ended() !== undefined);
    expect(ended()).toBe('SIGINT');
    expect(text()).not.toContain('at once');
  },
);

test.concurrent('what was asked to stop, and is blocked then, ends when its time is over', async (context) => {
  const { child, text, ended } = start(
    context,
    500,
    `stop.addEventListener('abort', () => { for (;;); }); say('begins');`,
  );
  await until('it listens', () => text().includes('begins'));
  child.kill('SIGTERM');
  await until('it ends', () => ended() !== undefined);
  expect(ended()).toBe('SIGKILL');
  expect(text()).toMatch(/stopping: .*\nleat: the process was asked to stop and is blocked/);
}, 90_000);

test.concurrent('a function that returns after all is left alone, and the stop that follows is a usual one', async (context) => {
  const { child, text, ended } = start(
    context,
    undefined,
    `forMs(7_000); setTimeout(() => say('returned'), 1_000);
       stop.addEventListener('abort', () => setTimeout(() => process.exit(7), 1_000));`,
  );
  await until('it has returned', () => text().includes('returned'));
  child.kill('SIGTERM');
  await until('it ends', () => ended() !== undefined);
  expect(ended()).toBe('code 7');
}, 90_000);
