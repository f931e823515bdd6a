import { describe, expect, test } from 'vitest';
import type { Command } from './command.ts';
import { COMMANDS } from './commands.ts';
import { allCommands } from './find-command.ts';
import { commandHelp, generalHelp, groupHelp } from './help.ts';

const ALL = allCommands(COMMANDS);
const GROUPS = COMMANDS.filter((entry) => 'commands' in entry);

const tooWide = (text: string): string[] => text.split('\n').filter((line) => line.length > 80);

describe('the help', () => {
  test('of everything fits 80 columns', () => {
    const pages = [
      generalHelp(COMMANDS),
      ...GROUPS.map(groupHelp),
      ...ALL.map(([path, command]) => commandHelp(path, command)),
    ];
    expect(pages.length).toBeGreaterThan(15);
    expect(pages.flatMap(tooWide)).toEqual([]);
  });

  test('of all commands has each of them, and ends with two examples', () => {
    const text = generalHelp(COMMANDS);
    for (const { name } of COMMANDS) expect(text).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(text).toMatch(/\nExamples:\n {2}leat .+\n {2}leat .+\n$/);
  });

  test.each(GROUPS)('of the group $name has its commands, and ends with two examples', (group) => {
    const text = groupHelp(group);
    for (const { name } of group.commands) expect(text).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(text).toMatch(/\nExamples:\n {2}leat .+\n {2}leat .+\n$/);
  });

  test.each(ALL)('of "leat %s" ends with two examples that call it', (path, command) => {
    const examples = commandHelp(path, command).split('\nExamples:\n')[1]?.trimEnd().split('\n');
    expect(examples).toHaveLength(2);
    for (const each of examples ?? []) expect(each).toMatch(new RegExp(`^  leat ${path}( |$)`));
  });

  test('of a command has its own options first, and only settings that have an effect', () => {
    const command: Command = {
      name: 'x',
      operands: '<a>',
      operandCount: [1, 1],
      summary: 'Does something.',
      options: { own: { type: 'string', value: 'N', meaning: 'Its own.' } },
      settings: ['state'],
      examples: ['x 1', 'x 2'],
      run: () => Promise.resolve(0),
    };
    expect(commandHelp('x', command)).toMatchInlineSnapshot(`
      "Usage: leat x <a> [options]

      Does something.

      Options:
        --own N              Its own.

      Settings, by option or by environment variable:
        --log-format FORMAT  How log lines look: console for people, json for
                             programs. (LEAT_LOG_FORMAT, default console)
        --log-level LEVEL    The least level that is logged: debug, info, warn, error
                             or silent. (LEAT_LOG_LEVEL, default info)
        --state-dir DIR      Where leat dev keeps its NATS server’s data, and so its
                             runs. (LEAT_STATE_DIR, default .leat)

      Examples:
        leat x 1
        leat x 2
      "
    `);
  });
});
