import type { Command, CommandGroup, CommandOption } from './command.ts';
import { settingsIn, type SettingRow } from './settings.ts';

/** What every terminal can show. */
const WIDTH = 80;
/** How far to the right the meanings may begin; what is longer has its meaning on the next line. */
const MOST_LEFT = 24;

type Row = readonly [left: string, right: string];

/** What `leat --help` prints. */
export function generalHelp(entries: readonly (Command | CommandGroup)[]): string {
  const rows: Row[] = [
    ...entries.map((entry) => [usageOf(entry), entry.summary] as const),
    ['help <command>', 'Shows the operands and options of a command.'],
    ['--version', 'Prints the version.'],
  ];
  return [
    'leat: resilient fan-out data pipelines on NATS JetStream',
    '',
    'Usage: leat <command> [operands] [options]',
    '',
    ...lines(rows, leftOf(rows)),
    '',
    ...examplesOf(['dev pipeline.ts', 'status --watch <run>']),
  ].join('\n');
}

/** What `leat dead --help` prints. */
export function groupHelp({ name, summary, commands, examples }: CommandGroup): string {
  const rows: Row[] = [
    ...commands.map((command) => [usageOf(command), command.summary] as const),
    ['--help', 'With a command: shows its operands and options.'],
  ];
  return [
    `Usage: leat ${name} <command> [operands] [options]`,
    '',
    ...wrapped(summary, WIDTH),
    '',
    ...lines(rows, leftOf(rows)),
    '',
    ...examplesOf(examples),
  ].join('\n');
}

/**
 * What `leat <command> --help` prints.
 *
 * @param params the parameters of the pipeline that is named with it
 */
export function commandHelp(path: string, command: Command, params: readonly Row[] = []): string {
  const own = Object.entries(command.options).map(([name, option]) => rowOfOption(name, option));
  const settings = settingsIn(command.settings).map(rowOfSetting);
  const left = leftOf([...own, ...params, ...settings]);
  return [
    `Usage: leat ${[path, command.operands].filter((word) => word !== '').join(' ')} [options]`,
    '',
    ...wrapped(command.summary, WIDTH),
    '',
    ...(own.length === 0 ? [] : ['Options:', ...lines(own, left), '']),
    ...(params.length === 0
      ? []
      : ['Parameters of the pipeline, each by --param:', ...lines(params, left), '']),
    'Settings, by option or by environment variable:',
    ...lines(settings, left),
    '',
    ...examplesOf(command.examples),
  ].join('\n');
}

function usageOf(entry: Command | CommandGroup): string {
  return `${entry.name} ${'commands' in entry ? '<command>' : entry.operands}`.trim();
}

function rowOfOption(name: string, { value, meaning }: CommandOption): Row {
  return [`--${name}${value === undefined ? '' : ` ${value}`}`, meaning];
}

function rowOfSetting({ flag, value, variable, fallback, meaning }: SettingRow): Row {
  const otherwise = fallback === undefined ? '' : `, default ${fallback}`;
  // Backticks are for the pages.
  return [`--${flag} ${value}`, `${meaning.replaceAll('`', '')} (${variable}${otherwise})`];
}

function examplesOf(examples: readonly string[]): string[] {
  return ['Examples:', ...examples.map((each) => `  leat ${each}`), ''];
}

/** Where the meanings of rows begin. */
function leftOf(rows: readonly Row[]): number {
  return Math.min(MOST_LEFT, Math.max(...rows.map(([name]) => name.length))) + 4;
}

/** Two columns that fit the width. */
function lines(rows: readonly Row[], left: number): string[] {
  return rows.flatMap(([name, meaning]) => {
    const [first = '', ...more] = wrapped(meaning, WIDTH - left);
    const indented = (line: string): string => `${' '.repeat(left)}${line}`;
    return name.length + 4 > left
      ? [`  ${name}`, indented(first), ...more.map(indented)]
      : [`  ${name.padEnd(left - 2)}${first}`, ...more.map(indented)];
  });
}

/** Lines up to a width; only a word that is longer by itself goes beyond it. */
function wrapped(text: string, width: number): string[] {
  const full: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      full.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...full, line];
}
