import type { parseArgs } from 'node:util';
import { checkName, checkRunId, isVariableName, LeatError } from '@leat/core';
import type { Logger } from '@leat/runtime';
import type { SettingGroup } from './settings-schema.ts';
import type { Settings } from './settings.ts';

/** An option of one command. */
export interface CommandOption {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  /** What stands for the value in the help text. */
  readonly value?: string;
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

/** Reads a flag that must be a whole number from 1. */
export function countFlag(call: Call, name: string, fallback: number): number {
  const text = call.flags[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new LeatError(
    'invalid-configuration',
    `--${name} must be a whole number from 1; it is ${JSON.stringify(text)}.`,
  );
}

/** Reads `--run`. @throws LeatError `invalid-name` */
export function runFlag(call: Call): string | undefined {
  const run = call.flags['run'] as string | undefined;
  if (run !== undefined) checkRunId(run);
  return run;
}

/** Reads `--pipeline`. @throws LeatError `invalid-name` */
export function pipelineFlag(call: Call): string | undefined {
  const pipeline = call.flags['pipeline'] as string | undefined;
  if (pipeline !== undefined) checkName('pipeline', pipeline);
  return pipeline;
}

/** The option of a command that starts runs. */
export const RECOVER: BooleanOption = {
  type: 'boolean',
  meaning: 'Go on with what the sinks have of a run with this id that NATS does not know any more.',
};

/** The options of a command that makes runs with parameters. */
export const PARAM_OPTIONS: Readonly<Record<'param' | 'secret', ListOption>> = {
  param: { type: 'string', multiple: true, value: 'K=V', meaning: 'A parameter of the run.' },
  secret: {
    type: 'string',
    multiple: true,
    value: 'K=VARIABLE',
    meaning:
      'A parameter that each service takes from its own environment: only the variable’s name is stored.',
  },
};

/** Reads `--param key=value`, given any number of times. */
export function paramsOf(call: Call): Record<string, string> {
  return Object.fromEntries(
    pairsOf(call, 'param', (text) => `--param must be key=value; it is ${JSON.stringify(text)}.`),
  );
}

/** Reads `--secret key=VARIABLE`, given any number of times. What is refused is not shown: it may be a secret. */
export function secretsOf(call: Call): Record<string, string> {
  const expected =
    '--secret must be key=VARIABLE, with the name of an environment variable in capital letters, and never the value itself';
  const pairs = pairsOf(call, 'secret', () => `${expected}.`);
  const params = paramsOf(call);
  for (const [key, variable] of pairs) {
    if (!isVariableName(variable)) {
      throw new LeatError(
        'invalid-configuration',
        `${expected}: what is given for ${key} is no such name.`,
      );
    }
    if (Object.hasOwn(params, key)) {
      throw new LeatError(
        'invalid-configuration',
        `The parameter ${key} is given by --param and by --secret: give it once.`,
      );
    }
  }
  return Object.fromEntries(pairs);
}

function pairsOf(
  call: Call,
  flag: 'param' | 'secret',
  complaint: (text: string) => string,
): (readonly [key: string, value: string])[] {
  const given = (call.flags[flag] ?? []) as readonly string[];
  return given.map((text) => {
    const equals = text.indexOf('=');
    if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)] as const;
    throw new LeatError('invalid-configuration', complaint(text));
  });
}
