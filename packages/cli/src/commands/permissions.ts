import { NATS_ROLES, permissionsOf } from '@leat/core';
import { loadPipeline } from '@leat/runtime';
import type { Call, Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { print } from '../output.ts';
import { permissionsText } from '../permissions-text.ts';

export const permissionsCommand: Command = {
  name: 'permissions',
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Prints what each role needs on a NATS server, as nats-server’s configuration.',
  options: { json: { type: 'boolean', meaning: 'Print JSON: the subjects by role.' } },
  run: permissions,
};

async function permissions(call: Call): Promise<number> {
  const [file = ''] = call.operands;
  const { spec } = await loadPipeline(file);
  const byRole = Object.fromEntries(NATS_ROLES.map((role) => [role, permissionsOf(spec, role)]));
  await print(
    call.flags['json'] === true
      ? `${JSON.stringify(byRole, undefined, 2)}\n`
      : permissionsText(spec),
  );
  return EXIT.ok;
}
