import { checkName, isVariableName, LeatError } from '@leat/core';
import type { BooleanOption, ListOption, StringOption } from './command.ts';

/** A call with these options. */
interface Flagged<Name extends string, Value> {
  readonly flags: { readonly [N in Name]?: Value };
}

/** The option of a command that starts a run. */
export const RUN_OPTION: StringOption = {
  type: 'string',
  value: 'ID',
  meaning: 'The run’s id; one that failed or is paused goes on.',
};

/**
 * Reads an option that must be a whole number from 1.
 *
 * @throws LeatError `invalid-configuration`
 */
export function countOf(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new LeatError(
    'invalid-configuration',
    `--${name} must be a whole number from 1; it is ${JSON.stringify(text)}.`,
  );
}

/** Reads `--run`. @throws LeatError `invalid-name` */
export function runFlag({ flags: { run } }: Flagged<'run', string>): string | undefined {
  if (run !== undefined) checkName('run', run);
  return run;
}

/** Reads `--pipeline`. @throws LeatError `invalid-name` */
export function pipelineFlag({
  flags: { pipeline },
}: Flagged<'pipeline', string>): string | undefined {
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
export function paramsOf({ flags: { param } }: Flagged<'param', string[]>): Record<string, string> {
  return Object.fromEntries(
    pairsOf(param, (text) => `--param must be key=value; it is ${JSON.stringify(text)}.`),
  );
}

/** Reads `--secret key=VARIABLE`, given any number of times. What is refused is not shown: it may be a secret. */
export function secretsOf(call: Flagged<'param' | 'secret', string[]>): Record<string, string> {
  const expected =
    '--secret must be key=VARIABLE, with the name of an environment variable in capital letters, and never the value itself';
  const pairs = pairsOf(call.flags.secret, () => `${expected}.`);
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
  given: readonly string[] = [],
  complaint: (text: string) => string,
): (readonly [key: string, value: string])[] {
  const pairs = new Map<string, string>();
  for (const text of given) {
    const equals = text.indexOf('=');
    if (equals <= 0) throw new LeatError('invalid-configuration', complaint(text));
    const key = text.slice(0, equals);
    if (pairs.has(key)) {
      throw new LeatError(
        'invalid-configuration',
        `The parameter ${key} is given twice: give it once.`,
      );
    }
    // Node puts this character in the place of bytes that are not UTF-8.
    if (text.includes('\uFFFD')) {
      throw new LeatError(
        'invalid-configuration',
        `The parameter ${key} is not UTF-8: give it in UTF-8, or by a file.`,
      );
    }
    pairs.set(key, text.slice(equals + 1));
  }
  return [...pairs];
}
