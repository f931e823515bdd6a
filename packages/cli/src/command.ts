import type { parseArgs } from 'node:util';
import type { Logger } from '@leat/runtime';
import type { SettingGroup } from './settings-schema.ts';
import type { Settings } from './settings.ts';

/** An option of one command. */
export interface CommandOption {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  /** What stands for the value in the help text. */
  readonly value?: string;
  /** The values that it may have, if these can be listed: what completion offers. */
  readonly choices?: readonly string[];
  readonly meaning: string;
}

export type StringOption = CommandOption & { readonly type: 'string'; readonly multiple?: false };
export type BooleanOption = CommandOption & { readonly type: 'boolean'; readonly multiple?: false };
/** An option that may be given any number of times. */
export type ListOption = CommandOption & { readonly type: 'string'; readonly multiple: true };

export type CommandOptions = Readonly<Record<string, CommandOption>>;

/** The values of a command's options, as `parseArgs` gives them. */
export type Flags<O extends CommandOptions> = Readonly<
  ReturnType<typeof parseArgs<{ options: O }>>['values']
>;

/** One command of `leat`, as the help shows it and the dispatcher runs it. */
export interface Command<O extends CommandOptions = CommandOptions> {
  readonly name: string;
  /** What the command is called with, for the help: `<pipeline>`. */
  readonly operands: string;
  /** How many operands there must and may be, and a number between them that makes no sense. */
  readonly operandCount: readonly [least: number, most: number, not?: number];
  readonly summary: string;
  readonly options: O;
  /** The groups of settings that have an effect on the command; what logs look like, always has. */
  readonly settings: readonly SettingGroup[];
  /** What may stand behind `leat`, for the help. */
  readonly examples: readonly [string, string];
  /** @returns the exit code */
  run(call: Call<O>): Promise<number>;
}

/** Commands with a first word in common: `leat dead list`, `leat dead show`. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly Command[];
  /** What may stand behind `leat`, for the help. */
  readonly examples: readonly [string, string];
}

/** A command line, taken apart. */
export interface Call<O extends CommandOptions = CommandOptions> {
  readonly operands: readonly string[];
  readonly flags: Flags<O>;
  readonly settings: Settings;
  readonly logger: Logger;
}

/** A command whose function knows the types of its flags. */
export function defineCommand<const O extends CommandOptions>(command: Command<O>): Command {
  return command;
}
