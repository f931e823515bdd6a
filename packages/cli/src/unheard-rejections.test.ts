import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';

const OWN = new URL('../dist/unheard-rejections.js', import.meta.url).href;

test('a hundred promises that are rejected unheard are a line a second, whatever their reasons', async () => {
  const program = `
    import { sayUnheardRejections } from ${JSON.stringify(OWN)};
    sayUnheardRejections();
    for (const of of ['a', 'b', 'c', 'd']) {
      for (let n = 0; n < 25; n++) Promise.reject(new Error('record ' + of));
    }
    setTimeout(() => process.exit(), 1_500);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
  let text = '';
  child.stderr.on('data', (more) => (text += more));
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(code).toBe(0);
  expect(text).toBe(
    'leat: A promise was rejected that nothing waited for: record a\n' +
      'leat: A promise was rejected that nothing waited for (one of 99 within a second): record d\n',
  );
});
