import type { Command } from './command.ts';
import { SETTINGS } from './settings.ts';

/** What `leat --help` prints. */
export function generalHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name, operands }) => name.length + operands.length));
  return [
    'leat: resilient fan-out data pipelines on NATS JetStream',
    '',
    'Usage: leat <command> [operands] [options]',
    '',
    ...commands.map(
      ({ name, operands, summary }) => `  ${`${name} ${operands}`.padEnd(width + 3)}${summary}`,
    ),
    '',
    'leat <command> --help shows the options of a command.',
    '',
  ].join('\n');
}

/** What `leat <command> --help` prints. */
export function commandHelp(command: Command): string {
  const own = Object.entries(command.options).map(
    ([name, { value, meaning }]) =>
      [`--${name}${value === undefined ? '' : ` ${value}`}`, meaning] as const,
  );
  const shared = Object.values(SETTINGS).map(
    ({ flag, variable, fallback, meaning }) =>
      [
        `--${flag}`,
        `${meaning} ${variable}${fallback === undefined ? '' : `, default ${fallback}`}.`,
      ] as const,
  );
  const width = Math.max(...[...own, ...shared].map(([left]) => left.length));
  const rows = (entries: readonly (readonly [string, string])[]): string[] =>
    entries.map(([left, right]) => `  ${left.padEnd(width + 2)}${right}`);
  return [
    `Usage: leat ${command.name} ${command.operands} [options]`,
    '',
    command.summary,
    '',
    'Options:',
    ...rows(own),
    '',
    'Options of every command:',
    ...rows(shared),
    '',
  ].join('\n');
}
