import { NATS_ROLES, permissionsOf } from '@leat/core';
import { loadPipeline } from '@leat/runtime';
import { type Command, defineCommand } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { print } from '../output.ts';
import { permissionsText } from '../permissions-text.ts';

export const permissionsCommand: Command = defineCommand({
  name: 'permissions',
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Prints what each role needs on a NATS server, as nats-server’s configuration.',
  options: { json: { type: 'boolean', meaning: 'Print JSON: the subjects by role.' } },
  settings: [],
  examples: ['permissions pipeline.ts', 'permissions pipeline.ts --json'],
  async run({ operands, flags }) {
    const [file = ''] = operands;
    const { spec } = await loadPipeline(file);
    const byRole = Object.fromEntries(NATS_ROLES.map((role) => [role, permissionsOf(spec, role)]));
    await print(
      flags.json === true ? `${JSON.stringify(byRole, undefined, 2)}\n` : permissionsText(spec),
    );
    return EXIT.ok;
  },
});
