import type { BooleanOption } from './command.ts';
import { print } from './output.ts';

/** The option of every command that prints a result. */
export const JSON_OPTION: BooleanOption = {
  type: 'boolean',
  meaning: 'Print JSON.',
};

/** Prints a command's result for programs. */
export async function printJson(value: unknown): Promise<void> {
  await print(`${JSON.stringify(value, undefined, 2)}\n`);
}
