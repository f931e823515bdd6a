import { describe, expect, test } from 'vitest';
import { COMMANDS } from './commands.ts';
import { allCommands, type Entry, findCommand } from './find-command.ts';

const show: Entry = {
  name: 'show',
  operands: '<run>',
  operandCount: [1, 1],
  summary: '',
  settings: [],
  examples: ['', ''],
  options: { json: { type: 'boolean', meaning: '' } },
  run: () => Promise.resolve(0),
};
const ENTRIES: readonly Entry[] = [
  { ...show, name: 'dev', options: { mappers: { type: 'string', meaning: '' } } },
  { name: 'dead', summary: '', commands: [show, { ...show, name: 'drop' }], examples: ['', ''] },
];

const found = (...args: string[]): object => {
  const { entry, ...rest } = findCommand(ENTRIES, args);
  return { ...rest, name: entry?.name };
};
const asked = { isHelp: false, isVersion: false };

describe('a command is found', () => {
  test('with its options before and after its name', () => {
    const args = ['--nats', 'dead', '--mappers', '4', 'dev', 'a.ts', '--log-level=warn'];
    expect(found(...args)).toEqual({
      ...asked,
      name: 'dev',
      path: 'dev',
      rest: ['--nats', 'dead', '--mappers', '4', 'a.ts', '--log-level=warn'],
    });
  });

  test('in a group, with options before, between and after', () => {
    const args = ['--json', 'dead', '--nats', 'drop', 'show', 'dev', '--json'];
    expect(found(...args)).toEqual({
      ...asked,
      name: 'show',
      path: 'dead show',
      rest: ['--json', '--nats', 'drop', 'dev', '--json'],
    });
  });

  test.each([
    [['help', 'dead', 'show'], 'dead show'],
    [['dead', 'show', '--help'], 'dead show'],
    [['-h', 'dead', 'show'], 'dead show'],
    [['help', 'dead'], 'dead'],
    [['dev', 'a.ts', '--help'], 'dev'],
    [['help'], ''],
    [['--help'], ''],
  ])('whose help is wanted: %j', (args, path) => {
    expect(found(...args)).toMatchObject({ path, isHelp: true });
  });

  test('unless only the version is wanted', () => {
    expect(found('--version')).toMatchObject({ path: '', isVersion: true });
    expect(found('-v')).toMatchObject({ path: '', isVersion: true });
  });

  test('unless there is none', () => {
    expect(found()).toEqual({ ...asked, name: undefined, path: '', rest: [] });
    expect(found('dead')).toEqual({ ...asked, name: 'dead', path: 'dead', rest: [] });
  });
});

test.each([
  [['dve', 'a.ts'], 'There is no command "dve": did you mean "dev"?'],
  [['dead', 'shwo'], 'There is no command "dead shwo": did you mean "dead show"?'],
  [['drop', 'a'], 'There is no command "drop": did you mean "dead drop"?'],
  [['nonsense'], 'There is no command "nonsense": use one of dev, dead.'],
  [['help', 'dve'], 'There is no command "dve": did you mean "dev"?'],
  [['dead', 'redrive'], 'There is no command "dead redrive": use one of show, drop.'],
])('%j is refused: %s', (args, sentence) => {
  expect(() => findCommand(ENTRIES, args)).toThrow(sentence);
});

test('an option of one name is of one type, whichever command it belongs to', () => {
  const types = new Map<string, Set<string>>();
  for (const [, { options }] of allCommands(COMMANDS)) {
    for (const [name, { type }] of Object.entries(options)) {
      types.set(name, (types.get(name) ?? new Set()).add(type));
    }
  }
  expect(types.size).toBeGreaterThan(10);
  expect([...types].filter(([, each]) => each.size > 1)).toEqual([]);
});
