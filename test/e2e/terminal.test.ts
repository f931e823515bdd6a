import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { run } from '../support/command.ts';
import { BIN, fixture } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';

function hasPseudoTerminal(): boolean {
  try {
    execFileSync('script', ['-qec', 'exit 0', '/dev/null'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** What a command writes to a terminal, standard output and standard error together. */
async function onTerminal(env: Readonly<Record<string, string>>): Promise<string> {
  await using dir = await tempDir();
  // Node takes a terminal for one without colours where CI is set.
  const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...rest } = process.env;
  const command = [process.execPath, BIN, 'dev', fixture('squares.ts'), '--param', 'count=5000'];
  return await run('script', ['-qec', command.join(' '), '/dev/null'], {
    cwd: dir.path,
    env: { ...rest, ...env },
  });
}

/** What begins everything that a terminal obeys. */
const ESCAPE = '\u001B';

function hasColours(text: string): boolean {
  return text.split(ESCAPE).some((after) => /^\[[\d;]*m/.test(after));
}

test.skipIf(!hasPseudoTerminal())(
  'a terminal gets colours and a line that is drawn over',
  async () => {
    const text = await onTerminal({ TERM: 'xterm-256color' });
    expect(hasColours(text)).toBe(true);
    expect(text).toMatch(/records .*ETA/);
  },
);

test.skipIf(!hasPseudoTerminal())('NO_COLOR takes the colours away, and not the line', async () => {
  const text = await onTerminal({ TERM: 'xterm-256color', NO_COLOR: '1' });
  expect(hasColours(text)).toBe(false);
  expect(text).toMatch(/records .*ETA/);
  expect(text).toContain(ESCAPE);
});

test.skipIf(!hasPseudoTerminal())('a dumb terminal gets plain lines', async () => {
  const text = await onTerminal({ TERM: 'dumb' });
  expect(text).not.toContain(ESCAPE);
  expect(text).toMatch(/state +completed/);
});
