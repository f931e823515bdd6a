import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../commands.ts';
import { bashCompletion } from './bash.ts';
import { fishCompletion } from './fish.ts';
import { placesOf } from './places.ts';
import { zshCompletion } from './zsh.ts';

const PLACES = placesOf(COMMANDS);

/** What was typed, the last of it to be completed, and something that must and must not be offered. */
const CASES: readonly (readonly [typed: string, offered: string, not: string])[] = [
  ['leat do', 'doctor', 'dev'],
  ['leat --nats nats://a st', 'status', 'saver'],
  ['leat help ex', 'export', 'dev'],
  ['leat dev --map', '--mappers', '--param'],
  ['leat --mappers 2 dev a.ts --re', '--report', '--mappers'],
  ['leat status --log-format ', 'json', 'dev'],
  ['leat completion --h', '--help', '--http-port'],
];

function isInstalled(shell: string): boolean {
  try {
    execFileSync(shell, ['-c', 'exit 0'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function printed(shell: string, args: readonly string[], script: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(shell, [...args, '-c', script]);
  return stdout.split('\n');
}

describe.skipIf(!isInstalled('bash'))('bash', () => {
  const offers = (typed: string): Promise<string[]> => {
    const words = typed.split(' ').map((word) => `'${word}'`);
    const line = `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _leat`;
    const script = `${bashCompletion(PLACES)}\n${line}\nprintf '%s\\n' "\${COMPREPLY[@]}"\n`;
    return printed('bash', ['--norc', '--noprofile'], script);
  };

  test.each(CASES)('completes %j to %s', async (typed, offered, not) => {
    const all = await offers(typed);
    expect(all).toContain(offered);
    expect(all).not.toContain(not);
  });

  test('completes a value behind an equals sign, which is a word of its own', async () => {
    expect(await offers('leat status --log-format = js')).toContain('json');
    expect(await offers('leat status --log-format =')).toContain('console');
    expect(await offers('leat --nats = nats://a st')).toContain('status');
  });

  test.each(['leat dev ', 'leat dev --report '])('leaves files to itself: %j', async (typed) => {
    expect((await offers(typed)).join('')).toBe('');
  });
});

describe.skipIf(!isInstalled('fish'))('fish', () => {
  test.each(CASES)('completes %j to %s', async (typed, offered, not) => {
    const script = `${fishCompletion(PLACES)}\ncomplete -C '${typed}'\n`;
    const all = await printed('fish', ['--no-config'], script);
    const names = all.map((line) => line.split('\t')[0]);
    expect(names).toContain(offered);
    expect(names).not.toContain(not);
  });
});

describe.skipIf(!isInstalled('zsh'))('zsh', () => {
  test.each(CASES)('completes %j to %s', async (typed, offered, not) => {
    const words = typed.split(' ').map((word) => `'${word}'`);
    // What would be shown is printed: only a terminal has the completion's own widgets.
    const script = `compdef() { : }
compadd() { shift; print -rl -- "$@" }
_describe() { print -rl -- "\${(@)\${(@P)\${@[-1]}}%%:*}" }
_files() { : }
${zshCompletion(PLACES)}
words=(${words.join(' ')}); CURRENT=\${#words}; PREFIX=\${words[CURRENT]}
_leat
`;
    const all = (await printed('zsh', ['-f'], script)).filter((name) =>
      name.startsWith(typed.split(' ').at(-1) ?? ''),
    );
    expect(all).toContain(offered);
    expect(all).not.toContain(not);
  });
});
