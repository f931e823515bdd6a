import { NATS_ROLES, type NatsRole, permissionsOf, type PipelineSpec } from '@leat/core';

/** The users of a pipeline, one for each role, as nats-server's configuration has them. */
export function permissionsText(spec: PipelineSpec): string {
  const users = NATS_ROLES.flatMap((role) => userLines(spec, role));
  return ['authorization {', '  users: [', ...users, '  ]', '}', ''].join('\n');
}

/** The variable in which the server finds a user's password: no password stands in a file. */
export function passwordVariable(pipeline: string, role: NatsRole): string {
  return `${pipeline}_${role}_password`.replaceAll('-', '_').toUpperCase();
}

function userLines(spec: PipelineSpec, role: NatsRole): string[] {
  const { publish, subscribe } = permissionsOf(spec, role);
  return [
    '    {',
    `      user: "${spec.name}-${role}"`,
    `      password: $${passwordVariable(spec.name, role)}`,
    '      permissions {',
    '        publish {',
    '          allow: [',
    ...publish.map(subjectLine),
    '          ]',
    '        }',
    '        subscribe {',
    '          allow: [',
    ...subscribe.map(subjectLine),
    '          ]',
    '        }',
    '      }',
    '    }',
  ];
}

function subjectLine(subject: string): string {
  return `            ${JSON.stringify(subject)}`;
}
