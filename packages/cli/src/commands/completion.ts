import { LeatError } from '@leat/core';
import { type Command, defineCommand } from '../command.ts';
import { bashCompletion } from '../completion/bash.ts';
import { fishCompletion } from '../completion/fish.ts';
import { type Place, placesOf } from '../completion/places.ts';
import { zshCompletion } from '../completion/zsh.ts';
import { EXIT } from '../exit-code.ts';
import type { Entry } from '../find-command.ts';
import { print } from '../output.ts';

const SHELLS: ReadonlyMap<string, (places: readonly Place[]) => string> = new Map([
  ['bash', bashCompletion],
  ['zsh', zshCompletion],
  ['fish', fishCompletion],
]);

/** @param others the other commands, which are completed as well */
export function completionCommand(others: readonly Entry[]): Command {
  const command: Command = defineCommand({
    name: 'completion',
    operands: 'bash|zsh|fish',
    operandCount: [1, 1],
    summary: 'Prints a script that completes commands and options in a shell.',
    options: {},
    settings: [],
    examples: ['completion bash >> ~/.bashrc', 'completion fish | source'],
    async run({ operands: [shell = ''] }) {
      const script = SHELLS.get(shell);
      if (script === undefined) {
        throw new LeatError(
          'invalid-configuration',
          `There is no completion for ${JSON.stringify(shell)}: use one of ${[...SHELLS.keys()].join(', ')}.`,
        );
      }
      await print(script(placesOf([...others, command])));
      return EXIT.ok;
    },
  });
  return command;
}
