import { parseArgs, type ParseArgsConfig } from 'node:util';
import { LeatError, messageOf, nearest } from '@leat/core';
import { createLogger } from '@leat/runtime';
import type { Call, Command, CommandOptions, Flags } from './command.ts';
import { clearProgress } from './progress-display.ts';
import { readSettings, settingsIn, SETTINGS } from './settings.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

/**
 * Takes the words behind a command apart.
 *
 * @param path the command's name, with that of its group: `dead list`
 * @throws LeatError `invalid-configuration`
 */
export function parseCall(
  path: string,
  command: Command,
  args: readonly string[],
  variables: NodeJS.ProcessEnv,
): Call {
  const options = optionsOf(command);
  demandKnown(path, args, options);
  const { values: flags, positionals: operands } = parsed(path, args, options);
  const [least, most, not] = command.operandCount;
  if (operands.length < least || operands.length > most || operands.length === not) {
    throw misuse(
      path,
      `It takes ${command.operands || 'no operands'} and got ${operands.length} operand${operands.length === 1 ? '' : 's'}`,
    );
  }
  const settings = readSettings(flags, variables);
  const logger = createLogger({ ...settings.log, beforeLine: clearProgress });
  return { operands, flags, settings, logger };
}

/** The operands of a command among the words behind it, whatever is wrong with its options. */
export function operandsIn(command: Command, args: readonly string[]): readonly string[] {
  const options = optionsOf(command);
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true }).positionals;
}

function optionsOf(command: Command): Options {
  const settings = settingsIn(command.settings).map(
    ({ flag, isList = false }) => [flag, { type: 'string' as const, multiple: isList }] as const,
  );
  return {
    ...Object.fromEntries(settings),
    ...command.options,
  };
}

function parsed(
  path: string,
  args: readonly string[],
  options: Options,
): { readonly values: Flags<CommandOptions>; readonly positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const [sentence = ''] = messageOf(error).split('. ');
    throw misuse(path, sentence);
  }
}

/** @throws LeatError `invalid-configuration` that says which option was most likely meant */
function demandKnown(path: string, args: readonly string[], options: Options): void {
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== 'option' || Object.hasOwn(options, token.name)) continue;
    const isSetting = Object.values(SETTINGS).some(({ flag }) => flag === token.name);
    if (isSetting) throw misuse(path, `${token.rawName} has no effect on "leat ${path}"`);
    const meant = nearest(token.name, Object.keys(options));
    const sentence = `"leat ${path}" has no option ${token.rawName}`;
    if (meant === undefined) throw misuse(path, sentence);
    throw new LeatError('invalid-configuration', `${sentence}: did you mean --${meant}?`);
  }
}

function misuse(path: string, sentence: string): LeatError {
  return new LeatError('invalid-configuration', `${sentence}: see "leat ${path} --help".`);
}
