import { parseArgs, type ParseArgsConfig } from 'node:util';
import { checkName, checkRunId, isVariableName, LeatError, messageOf } from '@leat/core';
import { createLogger, type Logger } from '@leat/runtime';
import { clearProgress } from './progress-display.ts';
import { readSettings, type Settings, SETTINGS } from './settings.ts';

/** An option of one command. */
export interface CommandOption {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  /** What stands for the value in the help text. */
  readonly value?: string;
  readonly meaning: string;
}

/** One command of `leat`, as the help shows it and the dispatcher runs it. */
export interface Command {
  readonly name: string;
  /** What the command is called with, for the help: `<pipeline>`. */
  readonly operands: string;
  /** How many operands there must and may be. */
  readonly operandCount: readonly [least: number, most: number];
  readonly summary: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  /** @returns the exit code */
  readonly run: (call: Call) => Promise<number>;
}

/** A command line, taken apart. */
export interface Call {
  readonly operands: readonly string[];
  readonly flags: Readonly<Record<string, unknown>>;
  readonly settings: Settings;
  readonly logger: Logger;
}

/** @throws LeatError `invalid-configuration` */
export function parseCall(
  command: Command,
  args: readonly string[],
  variables: NodeJS.ProcessEnv,
): Call {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const { flag } of Object.values(SETTINGS)) options[flag] = { type: 'string' };
  for (const [name, { type, multiple }] of Object.entries(command.options)) {
    options[name] = { type, ...(multiple === true && { multiple }) };
  }
  let parsed: {
    readonly values: Readonly<Record<string, unknown>>;
    readonly positionals: string[];
  };
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const [sentence = ''] = messageOf(error).split('. ');
    throw misuse(command, sentence);
  }
  const { values: flags, positionals: operands } = parsed;
  const [least, most] = command.operandCount;
  if (operands.length < least || operands.length > most) {
    throw misuse(
      command,
      `It takes ${command.operands || 'no operands'} and got ${operands.length} operands`,
    );
  }
  const settings = readSettings(flags, variables);
  const logger = createLogger({ ...settings.log, beforeLine: clearProgress });
  return { operands, flags, settings, logger };
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
export const RECOVER: CommandOption = {
  type: 'boolean',
  meaning: 'Go on with what the sinks have of a run with this id that NATS does not know any more.',
};

/** The options of a command that makes runs with parameters. */
export const PARAM_OPTIONS: Readonly<Record<'param' | 'secret', CommandOption>> = {
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

function misuse(command: Command, sentence: string): LeatError {
  return new LeatError('invalid-configuration', `${sentence}: see "leat ${command.name} --help".`);
}
