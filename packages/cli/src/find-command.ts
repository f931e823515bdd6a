import { parseArgs, type ParseArgsConfig } from 'node:util';
import { LeatError, nearest } from '@leat/core';
import type { Command, CommandGroup } from './command.ts';
import { SETTINGS } from './settings.ts';

/** What stands behind `leat`: a command, or a group of them. */
export type Entry = Command | CommandGroup;

/** What a command line asks for. */
export interface FoundCommand {
  /** The command, or the group if none of its commands is named; nothing if the line names neither. */
  readonly entry: Entry | undefined;
  /** Its name, after that of its group: `dead list`. */
  readonly path: string;
  /** The words without those of the path, and without `help`, `--help` and `--version`. */
  readonly rest: readonly string[];
  readonly isHelp: boolean;
  readonly isVersion: boolean;
}

/**
 * Finds the command that a command line means. Its options may stand before its name, too.
 *
 * @throws LeatError `invalid-configuration` if there is no such command
 */
export function findCommand(entries: readonly Entry[], args: readonly string[]): FoundCommand {
  const { tokens } = parseArgs({
    args: [...args],
    options: everyOption(entries),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const taken = new Set<number>();
  const names: string[] = [];
  const asked = { help: false, version: false };
  for (const token of tokens) {
    if (token.kind === 'option' && (token.name === 'help' || token.name === 'version')) {
      asked[token.name] = true;
      taken.add(token.index);
    } else if (token.kind === 'positional' && isOfPath(entries, names)) {
      if (names.length === 0 && token.value === 'help') asked.help = true;
      else names.push(token.value);
      taken.add(token.index);
    }
  }
  return {
    entry: entryOf(entries, names),
    path: names.join(' '),
    rest: args.filter((_, index) => !taken.has(index)),
    isHelp: asked.help,
    isVersion: asked.version,
  };
}

/** Every command with its path, in the order of the help. */
export function allCommands(
  entries: readonly Entry[],
): (readonly [path: string, command: Command])[] {
  return entries.flatMap((entry) =>
    'commands' in entry
      ? entry.commands.map((each) => [`${entry.name} ${each.name}`, each] as const)
      : [[entry.name, entry] as const],
  );
}

/** Options of all commands, so that what stands behind one of them is not taken for the command. */
function everyOption(entries: readonly Entry[]): NonNullable<ParseArgsConfig['options']> {
  const settings = Object.values(SETTINGS).map(({ flag }) => [flag, { type: 'string' }] as const);
  const own = allCommands(entries).flatMap(([, { options }]) =>
    Object.entries(options).map(([name, { type }]) => [name, { type }] as const),
  );
  return {
    ...Object.fromEntries([...settings, ...own]),
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean', short: 'v' },
  };
}

/** Whether a word is the name of a command, or of one in the group that stands before it, and no operand. */
function isOfPath(entries: readonly Entry[], names: readonly string[]): boolean {
  if (names.length === 0) return true;
  const group = entries.find(({ name }) => name === names[0]);
  return names.length === 1 && group !== undefined && 'commands' in group;
}

function entryOf(entries: readonly Entry[], [first, second]: readonly string[]): Entry | undefined {
  if (first === undefined) return undefined;
  const entry = named(entries, first, '');
  if (second === undefined || !('commands' in entry)) return entry;
  return named(entry.commands, second, `${first} `);
}

function hasCommand({ commands }: CommandGroup, name: string): boolean {
  return commands.some((each) => each.name === name);
}

/** @throws LeatError `invalid-configuration` if there is none of that name */
function named<T extends Entry>(entries: readonly T[], name: string, before: string): T {
  const entry = entries.find((each) => each.name === name);
  if (entry !== undefined) return entry;
  const names = entries.map((each) => each.name);
  const group = entries.find((each) => 'commands' in each && hasCommand(each, name));
  const meant = group === undefined ? nearest(name, names) : `${group.name} ${name}`;
  const remedy =
    meant === undefined ? `use one of ${names.join(', ')}.` : `did you mean "${before}${meant}"?`;
  throw new LeatError(
    'invalid-configuration',
    `There is no command ${JSON.stringify(`${before}${name}`)}: ${remedy}`,
  );
}
