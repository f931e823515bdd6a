import type { CommandOption } from '../command.ts';
import { allCommands, type Entry } from '../find-command.ts';
import { settingsIn, type SettingRow } from '../settings.ts';

/** An option, as a shell completes it. */
export interface CompletedOption {
  readonly flag: string;
  readonly isValued: boolean;
  readonly meaning: string;
  /** What its value may be, if that is a list. */
  readonly choices: readonly string[];
}

/** What may come next where some words have been typed. */
export interface Place {
  /** Those words, without options: nothing, `dead`, or `dead list`. */
  readonly path: string;
  /** The words that may follow; without any, files. */
  readonly words: readonly (readonly [name: string, meaning: string])[];
  readonly options: readonly CompletedOption[];
}

/** All places of a command line. */
export function placesOf(entries: readonly Entry[]): Place[] {
  const groups = entries.filter((entry) => 'commands' in entry);
  return [
    {
      path: '',
      words: [...wordsOf(entries), ['help', 'Shows the operands and options of a command.']],
      options: [HELP, { ...HELP, flag: '--version', meaning: 'Prints the version.' }],
    },
    { path: 'help', words: wordsOf(entries), options: [] },
    ...groups.flatMap((group) => [
      { path: group.name, words: wordsOf(group.commands), options: [HELP] },
      { path: `help ${group.name}`, words: wordsOf(group.commands), options: [] },
    ]),
    ...allCommands(entries).map(([path, { options, settings }]) => ({
      path,
      words: [],
      options: [
        ...Object.entries(options).map(([name, option]) => ofCommand(name, option)),
        ...settingsIn(settings).map(ofSetting),
        HELP,
      ],
    })),
  ];
}

/** The options that take a value, each once. */
export function valuedOptions(places: readonly Place[]): CompletedOption[] {
  const all = places.flatMap(({ options }) => options).filter(({ isValued }) => isValued);
  return [...new Map(all.map((option) => [option.flag, option])).values()];
}

const HELP: CompletedOption = {
  flag: '--help',
  isValued: false,
  meaning: 'Shows the operands and options.',
  choices: [],
};

function wordsOf(entries: readonly Entry[]): (readonly [string, string])[] {
  return entries.map(({ name, summary }) => [name, summary] as const);
}

function ofCommand(name: string, { type, meaning, choices = [] }: CommandOption): CompletedOption {
  return { flag: `--${name}`, isValued: type === 'string', meaning, choices };
}

function ofSetting({ flag, meaning, choices }: SettingRow): CompletedOption {
  return { flag: `--${flag}`, isValued: true, meaning: meaning.replaceAll('`', ''), choices };
}
