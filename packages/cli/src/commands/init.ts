import { LeatError } from '@leat/core';
import { newProject, nextSteps, ProjectError } from 'create-leat';
import { type Command, defineCommand } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { print } from '../output.ts';

export const initCommand: Command = defineCommand({
  name: 'init',
  operands: '[folder]',
  operandCount: [0, 1],
  summary: 'Writes a new project into the current folder, or into the one that is named.',
  options: {},
  settings: [],
  examples: ['init', 'init my-pipeline'],
  async run({ operands: [folder = '.'] }) {
    try {
      const project = await newProject(folder);
      await print(nextSteps(project, process.env['npm_config_user_agent']));
      return EXIT.ok;
    } catch (error) {
      if (!(error instanceof ProjectError)) throw error;
      throw new LeatError('invalid-configuration', error.message, { cause: error });
    }
  },
});
